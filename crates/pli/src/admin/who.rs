//! [`name()`]: who an admin is, as the record names him.

/// `uid:1000 (name)`, or `uid:1000` where the machine's own list of users has no name for it.
pub(crate) fn name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    match name_in(&users, uid) {
        Some(name) => format!("uid:{uid} ({name})"),
        None => format!("uid:{uid}"),
    }
}

/// Who runs this process.
pub(crate) fn ourselves() -> String {
    name(rustix::process::geteuid().as_raw())
}

fn name_in(users: &str, uid: u32) -> Option<&str> {
    let uid = uid.to_string();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_told_with_its_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\nbroken\npli:x:990:990::/var/lib/pli:/usr/sbin/nologin\n";
        assert_eq!(name_in(users, 990), Some("pli"));
        assert_eq!(name_in(users, 99), None);
        assert!(name(0).starts_with("uid:0"));
        assert_eq!(name(4_000_000_000), "uid:4000000000");
    }
}
