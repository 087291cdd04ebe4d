//! What comes back: pages of a search, outcomes of a patch, refusals.

use super::FhirFault;
use super::resource::{Bundle, OperationOutcome, Resource};

/// The most bytes of one answer.
pub const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// The longest of FHIR's codes for an issue is shorter.
const ISSUE_CHARS_MAX: usize = 32;

/// One page of what a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What is on it. Others than carriers of mailboxes are left out.
    pub resources: Vec<Resource>,
    /// The address of the next page.
    pub next: Option<String>,
}

/// Reads the answer (200) to a search. The next page is asked for at the address that was asked, or not at all: with each
/// request goes a secret.
pub fn read_page(asked: &str, body: &[u8]) -> Result<Page, FhirFault> {
    #[derive(serde::Deserialize)]
    #[serde(tag = "resourceType")]
    enum Answer {
        Bundle(Bundle),
        #[serde(other)]
        Other,
    }
    let answer = serde_json::from_slice(body).map_err(|_| FhirFault::Answer("it is not FHIR as JSON"))?;
    let Answer::Bundle(bundle) = answer else { return Err(FhirFault::Answer("it is not a Bundle")) };
    let next = bundle.link.into_iter().find(|link| link.relation == "next").map(|link| link.url);
    if next.as_deref().is_some_and(|next| origin(next).is_none() || origin(next) != origin(asked)) {
        return Err(FhirFault::ForeignPage);
    }
    let found = bundle.entry.into_iter().filter_map(|entry| entry.resource);
    Ok(Page { resources: found.filter(|resource| *resource != Resource::Other).collect(), next })
}

/// Reads the answer (200) to a patch: the resource as it is now, or nothing.
pub fn read_written(body: &[u8]) -> Result<Option<Resource>, FhirFault> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let written = serde_json::from_slice(body).map_err(|_| FhirFault::Answer("it is not FHIR as JSON"))?;
    Ok(Some(written).filter(|resource| *resource != Resource::Other))
}

/// What an answer other than 200 means.
#[must_use]
pub fn read_refusal(status: u16, body: &[u8]) -> FhirFault {
    let issue = issue(body);
    match status {
        401 | 403 => FhirFault::Key { status, issue },
        404 | 410 => FhirFault::NoCarrier { status, issue },
        412 => FhirFault::Several,
        429 => FhirFault::TooOften,
        400..=499 => FhirFault::Refused { status, issue },
        _ => FhirFault::Failing { status, issue },
    }
}

/// FHIR's code of the first issue, if it looks like one. Its words may name a person.
fn issue(body: &[u8]) -> Option<String> {
    let outcome: OperationOutcome = serde_json::from_slice(body).ok()?;
    let code = outcome.issue.into_iter().next()?.code;
    let plain = !code.is_empty() && code.len() <= ISSUE_CHARS_MAX;
    (plain && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')).then_some(code)
}

/// Scheme, host and port of an address, in lower case; `None` if it is none, or names a user.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if scheme != "https" || host.is_empty() || !plain {
        return None;
    }
    Some(host.strip_suffix(":443").unwrap_or(&host).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "https://annuaire.example/fhir/v2/Practitioner?identifier=x";

    fn next(url: &str) -> Result<Page, FhirFault> {
        let body = format!(
            r#"{{"resourceType":"Bundle","type":"searchset","link":[{{"relation":"self","url":"https://other.example/"}},
               {{"relation":"next","url":{url:?}}}]}}"#
        );
        read_page(ASKED, body.as_bytes())
    }

    #[test]
    fn the_next_page_is_at_the_server_that_was_asked() {
        for same in [
            "https://annuaire.example/fhir/v2?_getpages=1",
            "https://ANNUAIRE.example:443/x",
            "https://annuaire.example",
        ] {
            assert_eq!(next(same).unwrap().next.as_deref(), Some(same));
        }
        for other in [
            "http://annuaire.example/fhir/v2?_getpages=1",
            "https://annuaire.example.evil.example/",
            "https://annuaire.example@evil.example/",
            "https://annuaire.example:444/",
            "https://evil.example\\@annuaire.example/",
            "/fhir/v2?_getpages=1",
            "",
        ] {
            assert_eq!(next(other), Err(FhirFault::ForeignPage), "{other}");
        }
    }

    #[test]
    fn what_is_not_a_bundle_is_not_taken_for_nothing_found() {
        for (body, what) in [
            ("<html>maintenance</html>", "it is not FHIR as JSON"),
            ("", "it is not FHIR as JSON"),
            (r#"{"resourceType":"OperationOutcome","issue":[]}"#, "it is not a Bundle"),
            (r#"{"entry":[]}"#, "it is not FHIR as JSON"),
        ] {
            assert_eq!(read_page(ASKED, body.as_bytes()), Err(FhirFault::Answer(what)), "{body}");
        }
    }

    #[test]
    fn a_refusal_is_told_in_our_words_and_none_of_the_servers() {
        let outcome = |code: &str| {
            format!(
                r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":{code:?},
                   "diagnostics":"HAPI-0302: jeanne.darc@a.mssante.fr"}}]}}"#
            )
        };
        for (status, code, told) in [
            (400, "processing", "the directory refuses the request (400, processing)"),
            (401, "", "the directory does not take our key (401)"),
            (403, "Forbidden\u{1b}[2J", "the directory does not take our key (403)"),
            (404, "not-found", "the directory has no such professional or structure (404, not-found)"),
            (412, "multiple-matches", "the directory has several professionals or structures of this number"),
            (429, "throttled", "the directory is asked too often"),
            (500, "exception", "the directory fails (500, exception)"),
            (302, "", "the directory fails (302)"),
        ] {
            assert_eq!(read_refusal(status, outcome(code).as_bytes()).to_string(), told);
        }
        assert_eq!(read_refusal(502, b"<html>").to_string(), "the directory fails (502)");
    }
}
