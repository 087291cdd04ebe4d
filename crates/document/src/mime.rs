//! A message, part by part, as its bytes come (RFC 2045, RFC 2046).
//!
//! A library that reads a whole message makes an object of every part. Seven bytes are a part, so a message of 25 MB
//! has three million: more memory than a message is worth. Here the message flows by, and only the header of one part
//! is held, for `mail-parser` to read.

use mail_parser::{Message, MessageParser, MimeHeaders};

use crate::transfer::Transfer;

/// More parts are not looked at: an honest message has a handful.
const PARTS_MAX: usize = 1_000;
/// Multiparts and forwarded messages within each other. Programs nest three or four.
const DEPTH_MAX: usize = 10;
/// Of a header, only so much is read. A message that is taken has half of it at most.
const HEADER_BYTES_MAX: usize = 512 * 1024;
/// A line that is longer is no boundary (RFC 2046 §5.1.1: 70 characters) and is handed on in pieces.
const LINE_BYTES_MAX: usize = 2_000;

/// Who takes the parts.
pub(crate) trait Parts {
    /// A part begins; `false` if its bytes are of no interest.
    fn begin(&mut self, header: &Part);
    /// Bytes of it, decoded.
    fn bytes(&mut self, bytes: &[u8]);
    /// It has ended.
    fn end(&mut self);
    /// The message is not looked at any further.
    fn too_many(&mut self);
}

/// What the header of a part says.
pub(crate) struct Part {
    /// The names that it gives itself: of its disposition, of its type.
    pub(crate) names: Vec<String>,
    /// `application/zip`, in lower case.
    pub(crate) media_type: String,
    /// Does it ask to be shown apart?
    pub(crate) is_attachment: bool,
    /// Do its bytes travel as `base64`?
    pub(crate) is_base64: bool,
}

/// Reads a message.
pub(crate) struct Reader {
    line: Vec<u8>,
    /// Is the next byte the first of a line?
    at_line_start: bool,
    boundaries: Vec<Vec<u8>>,
    depth: usize,
    parts: usize,
    at: At,
}

/// Where in the message we are.
enum At {
    /// In the header of a part.
    Header(Vec<u8>),
    /// In the content of one that is looked at. The line end before a boundary belongs to the boundary (RFC 2046
    /// §5.1.1), so each is held back until the next line comes.
    Content { transfer: Transfer, held: &'static [u8] },
    /// Before the first part of a multipart, or after the last.
    Between,
    /// Nothing more is read.
    Done,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            line: Vec::new(),
            at_line_start: true,
            boundaries: Vec::new(),
            depth: 0,
            parts: 0,
            at: At::Header(Vec::new()),
        }
    }
}

impl Reader {
    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], parts: &mut impl Parts) {
        while !bytes.is_empty() && !matches!(self.at, At::Done) {
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len()).max(1);
            let take = end.map_or(bytes.len(), |end| end + 1).min(room);
            let (taken, rest) = bytes.split_at(take);
            bytes = rest;
            self.line.extend_from_slice(taken);
            if self.line.ends_with(b"\n") || self.line.len() >= LINE_BYTES_MAX {
                self.take_line(parts);
            }
        }
    }

    /// The message has ended.
    pub(crate) fn finish(&mut self, parts: &mut impl Parts) {
        if !self.line.is_empty() {
            self.take_line(parts);
        }
        if matches!(self.at, At::Header(_)) {
            self.header_ended(parts);
        }
        self.close(parts);
    }

    fn take_line(&mut self, parts: &mut impl Parts) {
        let line = std::mem::take(&mut self.line);
        let was_start = std::mem::replace(&mut self.at_line_start, line.ends_with(b"\n"));
        if !(was_start && self.take_boundary(&line, parts)) {
            self.take_text(&line, was_start, parts);
        }
        // The buffer is used again.
        self.line = line;
        self.line.clear();
    }

    /// A boundary ends all that lies within its multipart, whether or not that was ended.
    fn take_boundary(&mut self, line: &[u8], parts: &mut impl Parts) -> bool {
        let Some(rest) = line.strip_prefix(b"--").map(<[u8]>::trim_ascii_end) else { return false };
        let found = self.boundaries.iter().enumerate().rev().find_map(|(level, boundary)| {
            let behind = rest.strip_prefix(boundary.as_slice())?;
            (behind.is_empty() || behind == b"--").then_some((level, behind.is_empty()))
        });
        let Some((level, opens)) = found else { return false };
        if matches!(self.at, At::Header(_)) {
            self.header_ended(parts);
        }
        self.close(parts);
        self.boundaries.truncate(if opens { level + 1 } else { level });
        self.depth = self.depth.min(self.boundaries.len() + 1);
        if opens && !matches!(self.at, At::Done) {
            self.at = At::Header(Vec::new());
        }
        true
    }

    fn take_text(&mut self, line: &[u8], is_start: bool, parts: &mut impl Parts) {
        match &mut self.at {
            At::Between | At::Done => {}
            At::Header(_) if is_start && line.trim_ascii().is_empty() => self.header_ended(parts),
            At::Header(header) => {
                let room = HEADER_BYTES_MAX.saturating_sub(header.len());
                header.extend_from_slice(line.get(..room).unwrap_or(line));
            }
            At::Content { transfer, held } => {
                let (text, end): (&[u8], &'static [u8]) = match line {
                    [text @ .., b'\r', b'\n'] => (text, b"\r\n"),
                    [text @ .., b'\n'] => (text, b"\n"),
                    text => (text, b""),
                };
                transfer.decode(std::mem::replace(held, end), &mut |bytes| parts.bytes(bytes));
                transfer.decode(text, &mut |bytes| parts.bytes(bytes));
            }
        }
    }

    /// A part's header is whole: what follows is read as it says.
    fn header_ended(&mut self, parts: &mut impl Parts) {
        let At::Header(header) = std::mem::replace(&mut self.at, At::Between) else { return };
        self.parts += 1;
        if self.parts > PARTS_MAX {
            self.at = At::Done;
            return parts.too_many();
        }
        let parser = MessageParser::new();
        let Some(read) = parser.parse_headers(&header) else {
            self.at = At::Content { transfer: Transfer::Identity, held: b"" };
            return parts.begin(&Part::plain());
        };
        let transfer = Transfer::named(read.content_transfer_encoding());
        let part = Part::of(&read);
        let boundary = boundary_of(&read).filter(|_| part.media_type.starts_with("multipart/"));
        let is_message = ["message/rfc822", "message/global"].contains(&part.media_type.as_str());
        if boundary.is_some() || (is_message && transfer.is_identity()) {
            if self.depth >= DEPTH_MAX {
                self.at = At::Done;
                return parts.too_many();
            }
            self.depth += 1;
        }
        self.at = match boundary {
            Some(boundary) => {
                self.boundaries.push(boundary);
                At::Between
            }
            None if is_message && transfer.is_identity() => {
                parts.begin(&part);
                parts.end();
                At::Header(Vec::new())
            }
            None => {
                parts.begin(&part);
                At::Content { transfer, held: b"" }
            }
        };
    }

    fn close(&mut self, parts: &mut impl Parts) {
        if let At::Content { .. } = std::mem::replace(&mut self.at, At::Between) {
            parts.end();
        }
    }
}

fn boundary_of(read: &Message<'_>) -> Option<Vec<u8>> {
    let boundary = read.content_type()?.attribute("boundary")?.trim_end();
    (!boundary.is_empty() && boundary.len() < LINE_BYTES_MAX / 2).then(|| boundary.as_bytes().to_vec())
}

impl Part {
    /// Without a header that can be read: text (RFC 2045 §5.2).
    fn plain() -> Self {
        Self { names: Vec::new(), media_type: "text/plain".to_owned(), is_attachment: false, is_base64: false }
    }

    fn of(read: &Message<'_>) -> Self {
        let disposition = read.content_disposition();
        let content_type = read.content_type();
        let names = [
            disposition.and_then(|disposition| disposition.attribute("filename")),
            content_type.and_then(|content_type| content_type.attribute("name")),
        ];
        let names = names.into_iter().flatten().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let media_type = content_type.map_or_else(
            || "text/plain".to_owned(),
            |content_type| format!("{}/{}", content_type.ctype(), content_type.subtype().unwrap_or_default()),
        );
        Self {
            names: names.collect(),
            media_type: media_type.to_ascii_lowercase(),
            is_attachment: disposition
                .is_some_and(|disposition| disposition.ctype().eq_ignore_ascii_case("attachment")),
            is_base64: read.content_transfer_encoding().is_some_and(|name| name.trim().eq_ignore_ascii_case("base64")),
        }
    }
}
