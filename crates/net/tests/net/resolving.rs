//! Mail hosts and addresses, asked of a name server in this process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};
use pli_net::{NetError, Resolver, Service, Shutdown};
use tokio::net::UdpSocket;

/// A zone as lines of name and data; a name with no data that fits exists all the same.
type Zone = Vec<(&'static str, RData)>;

fn mx(preference: u16, host: &str) -> RData {
    RData::MX(MX::new(preference, Name::from_ascii(host).unwrap()))
}

fn srv(priority: u16, port: u16, host: &str) -> RData {
    RData::SRV(SRV::new(priority, 1, port, Name::from_ascii(host).unwrap()))
}

fn a(last: u8) -> RData {
    RData::A(A::new(192, 0, 2, last))
}

fn zone() -> Zone {
    vec![
        ("three.example.", mx(20, "second.example.")),
        ("three.example.", mx(10, "First.example.")),
        ("three.example.", mx(30, "third.example.")),
        ("_imaps._tcp.three.example.", srv(20, 9993, "second.example.")),
        ("_imaps._tcp.three.example.", srv(10, 993, "First.example.")),
        ("_imap._tcp.three.example.", srv(0, 0, ".")),
        ("null.example.", mx(0, ".")),
        ("mixed.example.", mx(0, ".")),
        ("mixed.example.", mx(10, "first.example.")),
        ("bare.example.", a(7)),
        ("first.example.", a(1)),
        ("first.example.", a(2)),
        ("first.example.", RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
        ("nothing.example.", RData::TXT(hickory_resolver::proto::rr::rdata::TXT::new(vec!["x".to_owned()]))),
    ]
}

fn answer(zone: &Zone, question: &Message) -> Message {
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    let query = question.queries[0].clone();
    let asked = query.name().to_ascii().to_lowercase();
    let here: Vec<&RData> = zone.iter().filter(|(name, _)| *name == asked).map(|(_, data)| data).collect();
    if asked == "broken.example." {
        reply.metadata.response_code = ResponseCode::ServFail;
    } else if here.is_empty() {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    let fitting = here.iter().filter(|data| data.record_type() == query.query_type());
    for data in fitting {
        reply.add_answer(Record::from_rdata(query.name().clone(), 60, (*data).clone()));
    }
    if reply.answers.is_empty() {
        let name = Name::from_ascii("example.").unwrap();
        let soa = SOA::new(name.clone(), name.clone(), 1, 60, 60, 60, 60);
        reply.add_authority(Record::from_rdata(name, 60, RData::SOA(soa)));
    }
    reply.add_query(query);
    reply
}

/// A resolver that asks a name server with this zone, which lives as long as the runtime of the test.
async fn resolver(zone: Zone) -> Resolver {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let zone = Arc::new(zone);
    Shutdown::default().spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            socket.send_to(&answer(&zone, &question).to_vec().unwrap(), from).await.unwrap();
        }
    });
    Resolver::with_servers(&[address]).unwrap()
}

async fn refused(domain: &str) -> NetError {
    resolver(zone()).await.mail_hosts(domain).await.unwrap_err()
}

#[tokio::test]
async fn mail_hosts_come_best_first_and_without_the_last_dot() {
    let hosts = resolver(zone()).await.mail_hosts("three.example").await.unwrap();
    assert_eq!(hosts, ["First.example", "second.example", "third.example"]);
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_mail_host_if_it_has_an_address() {
    let resolver = resolver(zone()).await;
    assert_eq!(resolver.mail_hosts("bare.example").await.unwrap(), ["bare.example"]);
    assert_eq!(resolver.mail_hosts("bare.example.").await.unwrap(), ["bare.example"]);
}

#[tokio::test]
async fn a_null_mx_says_so() {
    let error = refused("null.example").await;
    assert!(matches!(&error, NetError::NoHost(what) if what.contains("RFC 7505")), "{error}");
}

#[tokio::test]
async fn a_root_beside_real_hosts_is_passed_over() {
    assert_eq!(resolver(zone()).await.mail_hosts("mixed.example").await.unwrap(), ["first.example"]);
}

#[tokio::test]
async fn no_such_domain_and_no_address_are_for_good() {
    for (domain, what) in
        [("absent.example", "there is no domain"), ("nothing.example", "has no address"), ("a..b", "not a domain name")]
    {
        let error = refused(domain).await;
        assert!(matches!(error, NetError::NoHost(_)), "{error:?}");
        assert!(error.to_string().contains(what) && error.to_string().contains(domain), "{error}");
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_worth_another_try() {
    assert!(matches!(refused("broken.example").await, NetError::Dns(_)));
}

#[tokio::test]
async fn a_host_has_addresses_of_both_families() {
    let mut addresses = resolver(zone()).await.addresses("first.example").await.unwrap();
    addresses.sort();
    let expected: [IpAddr; 3] = ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(|text| text.parse().unwrap());
    assert_eq!(addresses, expected);
}

#[tokio::test]
async fn an_address_stands_for_itself_and_nobody_is_asked() {
    let nobody = Resolver::with_servers(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 9))]).unwrap();
    for text in ["192.0.2.9", "2001:db8::9"] {
        assert_eq!(nobody.addresses(text).await.unwrap(), [text.parse::<IpAddr>().unwrap()]);
    }
}

#[tokio::test]
async fn localhost_is_this_machine_without_any_server() {
    let resolver = Resolver::system().unwrap();
    let addresses = resolver.addresses("localhost").await.unwrap();
    assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
}

#[tokio::test]
async fn services_come_best_first_and_none_is_no_fault() {
    let resolver = resolver(zone()).await;
    let found = resolver.services("_imaps._tcp.three.example").await.unwrap();
    let places: Vec<(u16, &str)> = found.iter().map(|service| (service.port, service.host.as_str())).collect();
    assert_eq!(places, [(993, "First.example"), (9993, "second.example")]);
    let not_offered = Service { priority: 0, weight: 1, port: 0, host: String::new() };
    assert_eq!(resolver.services("_imap._tcp.three.example").await.unwrap(), [not_offered]);
    assert_eq!(resolver.services("_pop3._tcp.three.example").await.unwrap(), []);
    assert_eq!(resolver.services("_imap._tcp.first.example").await.unwrap(), []);
    assert!(matches!(resolver.services("broken.example").await, Err(NetError::Dns(_))));
}
