//! Enough file descriptors for the connections that the configuration allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Database, logs, files of large bodies, connections to other servers.
const BESIDES_CONNECTIONS: u64 = 256;

/// Raises this process's own limit as far as it may, and says so if that is not enough: without a descriptor, the
/// next connection is not taken.
pub(crate) fn raise(config: &Config) {
    let wanted = wanted(config);
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return };
    let reachable = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum: limit.maximum });
    let now = if raised.is_ok() { reachable } else { current };
    if now < wanted {
        tracing::warn!(now, wanted, "fewer file descriptors than [limits] allows connections: raise LimitNOFILE");
    }
}

fn wanted(config: &Config) -> u64 {
    let inbound = config.limits.connections.saturating_mul(config.listener.each().count());
    let all = inbound.saturating_add(config.delivery.connections);
    u64::try_from(all).unwrap_or(u64::MAX).saturating_add(BESIDES_CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_counts() {
        let config: Config = toml::from_str(include_str!("../../../deploy/pli.toml")).unwrap();
        assert_eq!(wanted(&config), 6 * 2000 + 20 + 256);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may() {
        let config: Config = toml::from_str(include_str!("../../../deploy/pli.toml")).unwrap();
        raise(&config);
        let limit = getrlimit(Resource::Nofile);
        let reachable = limit.maximum.map_or(wanted(&config), |maximum| maximum.min(wanted(&config)));
        assert!(limit.current.is_none_or(|current| current >= reachable), "{limit:?}");
    }
}
