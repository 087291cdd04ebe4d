//! A name server on loopback, whose zones are lines of a zone file: `_imaps._tcp.a.fr. 3600 IN SRV 0 1 993 mss.a.fr.`

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};

/// Answers as long as the test lives.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let zone = Arc::clone(&lines);
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let question = Message::from_vec(buffer.get(..length).unwrap()).unwrap();
                let reply = answer(&zone.lock().unwrap(), &question);
                socket.send_to(&reply.to_vec().unwrap(), from).unwrap();
            }
        });
        Self { address, lines }
    }

    /// Adds a line of a zone file.
    pub(crate) fn publish(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    /// Takes back every line about this name.
    pub(crate) fn withdraw(&self, name: &str) {
        self.lines.lock().unwrap().retain(|line| !line.starts_with(name));
    }
}

fn answer(lines: &[String], question: &Message) -> Message {
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    let query = question.queries.first().unwrap().clone();
    let asked = query.name().to_ascii().to_lowercase();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, _ttl, _class, words @ ..] = words.as_slice() else { panic!("no line of a zone: {line}") };
        let data = data(words);
        if name.to_lowercase() == asked && data.record_type() == query.query_type() {
            reply.add_answer(Record::from_rdata(query.name().clone(), 60, data));
        }
    }
    if reply.answers.is_empty() {
        reply.metadata.response_code = ResponseCode::NXDomain;
        let name = Name::from_ascii("fr.").unwrap();
        let soa = SOA::new(name.clone(), name.clone(), 1, 60, 60, 60, 60);
        reply.add_authority(Record::from_rdata(name, 60, RData::SOA(soa)));
    }
    reply.add_query(query);
    reply
}

fn data(words: &[&str]) -> RData {
    match words {
        ["A", address] => RData::A(A(address.parse().unwrap())),
        ["SRV", priority, weight, port, host] => RData::SRV(SRV::new(
            priority.parse().unwrap(),
            weight.parse().unwrap(),
            port.parse().unwrap(),
            Name::from_ascii(host).unwrap(),
        )),
        other => panic!("no such record: {other:?}"),
    }
}
