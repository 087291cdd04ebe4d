//! Spans in OTLP's JSON form (OpenTelemetry protocol 1.x, `ExportTraceServiceRequest`; identifiers are hexadecimal there,
//! numbers of 64 bits are text).
//!
//! A message's id is its trace's, and the id's random half is that of the first span: so a delivery days later, or after a
//! restart, belongs to the same trace, and nothing has to be remembered or sent along with the message.

use jiff::Timestamp;
use pli_audit::Face;
use pli_mailflow::spans::{Outcome, Span, Step};
use pli_types::MessageId;
use serde_json::{Value, json};

/// The kinds of spans.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The body of a request.
pub(super) fn request(node: &str, spans: &[Span]) -> Vec<u8> {
    let resource = [
        attribute("service.name", &json!({"stringValue": "pli"})),
        attribute("service.version", &json!({"stringValue": crate::clock::VERSION})),
        attribute("service.instance.id", &json!({"stringValue": node})),
    ];
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let scope = json!({"name": "pli", "version": crate::clock::VERSION});
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }]});
    body.to_string().into_bytes()
}

fn span(span: &Span) -> Value {
    let first = span_id(span.message);
    let (own, parent) = match span.step {
        Step::Accept => (first, None),
        _ => (span_id(MessageId::at(span.begun)), Some(first)),
    };
    let mut value = json!({
        "traceId": span.message.to_string(),
        "spanId": own,
        "name": span.step.as_str(),
        "kind": kind(span),
        "startTimeUnixNano": nanoseconds(span.begun),
        "endTimeUnixNano": nanoseconds(span.ended.max(span.begun)),
        "attributes": attributes(span),
    });
    if let Value::Object(members) = &mut value {
        members.extend(parent.map(|parent| ("parentSpanId".to_owned(), parent.into())));
        let status = || ("status".to_owned(), json!({"code": ERROR}));
        members.extend((span.outcome != Outcome::Done).then(status));
    }
    value
}

/// The half of an id that is random: the other is an instant.
fn span_id(id: MessageId) -> String {
    id.to_string().get(16..).unwrap_or_default().to_owned()
}

fn kind(span: &Span) -> u8 {
    match (span.step, span.face) {
        (Step::Deliver, _) => CLIENT,
        (Step::Accept, Some(Face::Smtp | Face::Submission | Face::Http)) => SERVER,
        _ => INTERNAL,
    }
}

fn attributes(span: &Span) -> Vec<Value> {
    let text = |text: &str| json!({"stringValue": text});
    let number = |number: u64| json!({"intValue": number.to_string()});
    let mut attributes = vec![
        attribute("pli.message.id", &text(&span.message.to_string())),
        attribute("pli.outcome", &text(span.outcome.as_str())),
    ];
    let more = [
        ("pli.face", span.face.map(|face| text(face.as_str()))),
        ("pli.recipients", span.recipients.map(|recipients| number(recipients as u64))),
        ("pli.bytes", span.bytes.map(number)),
        ("pli.attempt", span.attempt.map(|attempt| number(attempt.into()))),
        ("pli.reason", span.reason.map(|reason| text(reason.code()))),
    ];
    attributes.extend(more.into_iter().filter_map(|(key, value)| Some(attribute(key, &value?))));
    attributes
}

fn attribute(key: &str, value: &Value) -> Value {
    json!({"key": key, "value": value})
}

fn nanoseconds(at: Timestamp) -> String {
    at.as_nanosecond().max(0).to_string()
}

/// How many of a request's spans the collector says that it has not taken (`partialSuccess`).
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let number = answer.pointer("/partialSuccess/rejectedSpans");
    number.and_then(|number| number.as_u64().or_else(|| number.as_str()?.parse().ok())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use pli_policy::Reason;

    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn accept(message: MessageId) -> Span {
        let (begun, ended) = (at(1_764_000_000_000), at(1_764_000_000_020));
        let face = Some(Face::Submission);
        let (recipients, bytes, attempt) = (Some(2), Some(4096), None);
        let (outcome, reason) = (Outcome::Done, None);
        Span { message, step: Step::Accept, begun, ended, face, recipients, bytes, attempt, outcome, reason }
    }

    #[test]
    fn a_message_is_a_trace_and_its_steps_belong_to_its_acceptance() {
        let id = MessageId::parse("0199e2a1c7d07a1b9c3d4e5f60718293").unwrap();
        let reason = Some(Reason::PeerUnreachable);
        let deliver = Span {
            step: Step::Deliver,
            face: None,
            bytes: None,
            attempt: Some(3),
            outcome: Outcome::Deferred,
            reason,
            ..accept(id)
        };
        let body: Value = serde_json::from_slice(&request("mss.example.fr", &[accept(id), deliver])).unwrap();
        let resource = &body["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][2]["value"]["stringValue"], "mss.example.fr");
        let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        assert_eq!(
            spans[0],
            json!({
                "traceId": "0199e2a1c7d07a1b9c3d4e5f60718293", "spanId": "9c3d4e5f60718293", "name": "accept", "kind": 2,
                "startTimeUnixNano": "1764000000000000000", "endTimeUnixNano": "1764000000020000000",
                "attributes": [
                    {"key": "pli.message.id", "value": {"stringValue": "0199e2a1c7d07a1b9c3d4e5f60718293"}},
                    {"key": "pli.outcome", "value": {"stringValue": "done"}},
                    {"key": "pli.face", "value": {"stringValue": "submission"}},
                    {"key": "pli.recipients", "value": {"intValue": "2"}},
                    {"key": "pli.bytes", "value": {"intValue": "4096"}},
                ],
            })
        );
        assert_eq!((&spans[1]["traceId"], &spans[1]["parentSpanId"]), (&spans[0]["traceId"], &spans[0]["spanId"]));
        assert_eq!((spans[1]["kind"].as_u64(), spans[1]["status"]["code"].as_u64()), (Some(3), Some(2)));
        let own = spans[1]["spanId"].as_str().unwrap();
        assert!(own.len() == 16 && own != "9c3d4e5f60718293", "{own}");
        let reason = json!({"key": "pli.reason", "value": {"stringValue": "peer-unreachable"}});
        assert!(spans[1]["attributes"].as_array().unwrap().contains(&reason), "{}", spans[1]);
    }

    #[test]
    fn what_a_collector_has_not_taken_is_known() {
        for (answer, expected) in [
            (&b"{}"[..], 0),
            (b"", 0),
            (b"\xff", 0),
            (br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#, 3),
            (br#"{"partialSuccess":{"rejectedSpans":4}}"#, 4),
        ] {
            assert_eq!(rejected(answer), expected, "{answer:?}");
        }
    }
}
