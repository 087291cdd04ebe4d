//! The policy service that a Postfix asks at each stage (`SMTPD_POLICY_README`): how a test has it go wrong.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::faults::{COME_AGAIN, Fault, SLOW_SECONDS, Stage, UNKNOWN};
use crate::tls_server::Served;

/// What is to go wrong, and the process under which Postfix serves.
#[derive(Debug, Default)]
struct Plan {
    faults: Vec<(Stage, Fault)>,
    master: Option<u32>,
}

/// The service, on a port of its own.
#[derive(Debug)]
pub struct PolicyServer {
    plan: Arc<Mutex<Plan>>,
    served: Served,
}

impl PolicyServer {
    /// Starts it; nothing goes wrong yet.
    pub fn start() -> Result<Self> {
        let plan = Arc::<Mutex<Plan>>::default();
        let here = Arc::clone(&plan);
        let served = Served::on(TcpListener::bind(("127.0.0.1", 0))?, move |socket| drop(serve(socket, &here)))?;
        Ok(Self { plan, served })
    }

    /// Lines of `main.cf` that have it asked at every stage, and one unknown recipient.
    #[must_use]
    pub fn settings(&self) -> String {
        let ask = format!("check_policy_service inet:127.0.0.1:{}", self.served.port());
        let (unknown, reply) = UNKNOWN;
        // A killed process is replaced at once, and not after a minute.
        format!(
            "smtpd_delay_reject = no
smtpd_client_restrictions = {ask}
smtpd_helo_restrictions = {ask}
smtpd_sender_restrictions = {ask}
smtpd_recipient_restrictions = check_recipient_access inline:{{{{ {unknown}@ = {reply} }}}}, {ask}
smtpd_data_restrictions = {ask}
smtpd_end_of_data_restrictions = {ask}
service_throttle_time = 1s
"
        )
    }

    /// The process whose children serve.
    pub fn serves_under(&self, master: u32) {
        self.plan().master = Some(master);
    }

    /// From now on this goes wrong.
    pub fn set(&self, stage: Stage, fault: Fault) {
        self.plan().faults.push((stage, fault));
    }

    /// From now on nothing does.
    pub fn clear(&self) {
        self.plan().faults.clear();
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests end with an empty line; so do answers.
fn serve(socket: TcpStream, plan: &Mutex<Plan>) -> Result<()> {
    let (mut out, reader) = (socket.try_clone()?, BufReader::new(socket));
    let mut stage = None;
    for line in reader.lines() {
        let line = line?;
        if let Some(state) = line.strip_prefix("protocol_state=") {
            stage = stage_of(state);
        }
        if !line.is_empty() {
            continue;
        }
        let (fault, master) = {
            let plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
            let set = plan.faults.iter().find(|(at, _)| Some(*at) == stage);
            (set.map(|(_, fault)| *fault), plan.master)
        };
        let action = match fault {
            Some(Fault::PutOff) => &COME_AGAIN.join(" "),
            Some(Fault::Cut) => {
                kill_servers(master)?;
                "DUNNO"
            }
            Some(Fault::Slow) => {
                std::thread::sleep(Duration::from_secs(SLOW_SECONDS));
                "DUNNO"
            }
            None => "DUNNO",
        };
        write!(out, "action={action}\n\n")?;
    }
    Ok(())
}

fn stage_of(state: &str) -> Option<Stage> {
    Some(match state {
        "CONNECT" => Stage::Connect,
        "EHLO" | "HELO" => Stage::Helo,
        "MAIL" => Stage::Mail,
        "RCPT" => Stage::Rcpt,
        "DATA" => Stage::Data,
        "END-OF-MESSAGE" => Stage::Content,
        _ => return None,
    })
}

/// All that serve a connection right now: in a test, it is the one that asks.
fn kill_servers(master: Option<u32>) -> Result<()> {
    let master = master.unwrap_or_default().to_string();
    Command::new("pkill").args(["-KILL", "-P", &master, "-x", "smtpd"]).status()?;
    Ok(())
}
