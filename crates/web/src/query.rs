//! The query of a request's address: `?to=jean%40example.fr&limit=5`.

use axum::http::Uri;

/// Names and values, in order. A value that is not percent-encoded UTF-8 is none.
pub(crate) fn pairs(uri: &Uri) -> impl Iterator<Item = (&str, Option<String>)> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name, percent_decoded(value))
    })
}

/// RFC 3986 §2.1. A plus stays one: an address may have it, and nothing that is asked for has spaces.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        if *byte == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            // `from_str_radix` would take a sign.
            let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_in_order() {
        let uri: Uri = "/x?to=a%40b.fr&limit=5&&flag&bad=%4&utf=%ff&plus=a+b".parse().unwrap();
        let read: Vec<_> = pairs(&uri).collect();
        let some = |text: &str| Some(text.to_owned());
        let expected = [
            ("to", some("a@b.fr")),
            ("limit", some("5")),
            ("flag", some("")),
            ("bad", None),
            ("utf", None),
            ("plus", some("a+b")),
        ];
        assert_eq!(read, expected);
        assert_eq!(pairs(&"/x".parse().unwrap()).count(), 0);
    }
}
