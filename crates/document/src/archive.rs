//! A zip file, read with suspicion (APPNOTE.TXT 6.3).
//!
//! The directory is read here and not by a library, because a library makes an object of every entry before it can be
//! asked how many there are: 25 MB hold half a million. Here an archive is judged by its directory alone, before
//! anything in it is inflated, and what is inflated has an end.

use std::io::Read;

use flate2::read::DeflateDecoder;

use crate::finding::{Finding, Findings};

/// An exchange of documents has a dozen entries (spec §6.4).
pub(crate) const ENTRIES_MAX: u16 = 100;
/// What all entries together may be inflated to by their own account (spec §6.4). It is never held, nor even inflated.
pub(crate) const INFLATED_BYTES_MAX: u64 = 100 * 1024 * 1024;
/// An entry may be inflated to so many times its size (spec §6.4) …
const RATIO_MAX: u64 = 100;
/// … unless it is small even then: a mebibyte of white space harms nobody.
const RATIO_ASKED_FROM: u64 = 1024 * 1024;

const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const CENTRAL_SIGNATURE: [u8; 4] = *b"PK\x01\x02";
const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Sizes follow the data, so that the header in front of it may not know them (§4.4.4, bit 3).
const FLAG_SIZES_FOLLOW: u16 = 1 << 3;
/// Encrypted, strongly encrypted, header encrypted (§4.4.4, bits 0, 6, 13).
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// AES encryption hides behind this method (APPNOTE, appendix E).
const METHOD_AES: u16 = 99;

/// An archive whose directory was judged.
pub(crate) struct Archive<'a> {
    /// What can be read of it.
    pub(crate) entries: Vec<Entry<'a>>,
    /// The names of what is there and is not to be read.
    pub(crate) refused: Vec<String>,
}

/// A file in it.
pub(crate) struct Entry<'a> {
    /// Its path, with `/` between folders.
    pub(crate) name: String,
    /// Its size by its own account.
    pub(crate) size: u64,
    method: u16,
    crc: u32,
    data: &'a [u8],
}

/// What of an entry was read.
pub(crate) struct Inflated {
    pub(crate) bytes: Vec<u8>,
    /// Is it all?
    pub(crate) whole: bool,
}

/// What the directory says of an entry.
struct Listed<'a> {
    made_on: u8,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    attributes: u32,
    offset: u64,
    raw_name: &'a [u8],
}

impl<'a> Archive<'a> {
    /// Judges an archive by its directory. With `Err`, nothing in it is to be read; findings that leave the rest
    /// readable are added.
    pub(crate) fn open(bytes: &'a [u8], findings: &mut Findings) -> Result<Self, Finding> {
        let (listed, directory_offset) = directory(bytes)?;
        if listed.iter().map(|entry| entry.size).fold(0, u64::saturating_add) > INFLATED_BYTES_MAX {
            return Err(Finding::Bomb);
        }
        let (mut entries, mut refused): (Vec<Entry<'a>>, Vec<String>) = Default::default();
        let mut extents = Vec::new();
        for entry in listed {
            let place = Place::of(bytes, &entry, directory_offset);
            if let Ok(place) = &place {
                extents.push(place.extent);
            }
            match place.and_then(|place| entry.judge(&place)) {
                Ok(entry) => {
                    if entries.iter().any(|other| other.name.eq_ignore_ascii_case(&entry.name)) {
                        findings.add(Finding::DuplicateEntries);
                    }
                    entries.push(entry);
                }
                Err(Finding::Bomb) => return Err(Finding::Bomb),
                Err(finding) => {
                    refused.push(entry.name());
                    findings.add(finding);
                }
            }
        }
        // Entries that share bytes inflate to the square of what they weigh.
        extents.sort_unstable();
        if extents.windows(2).any(|pair| matches!(pair, [(_, end), (start, _)] if end > start)) {
            return Err(Finding::Bomb);
        }
        Ok(Self { entries, refused })
    }
}

/// The entries that the directory lists, and where it begins.
fn directory(bytes: &[u8]) -> Result<(Vec<Listed<'_>>, u64), Finding> {
    let end = find_end(bytes).ok_or_else(|| {
        if bytes.starts_with(&LOCAL_SIGNATURE) { Finding::Truncated } else { Finding::ArchiveMalformed }
    })?;
    let mut record = Fields(bytes.get(end + 4..).unwrap_or_default());
    let malformed = Finding::ArchiveMalformed;
    let (_disk, _directory_disk) = (record.u16().ok_or(malformed)?, record.u16().ok_or(malformed)?);
    let (_here, count) = (record.u16().ok_or(malformed)?, record.u16().ok_or(malformed)?);
    let (length, offset) = (record.u32().ok_or(malformed)?, record.u32().ok_or(malformed)?);
    if count > ENTRIES_MAX {
        return Err(Finding::TooManyEntries);
    }
    let start = usize::try_from(offset).map_err(|_| malformed)?;
    let stop = start.checked_add(usize::try_from(length).map_err(|_| malformed)?).ok_or(malformed)?;
    // The directory ends where its end record begins: otherwise two programs may see two archives. So ends an archive
    // in the newer form for four gigabytes and more, too.
    if stop != end {
        return Err(malformed);
    }
    let mut fields = Fields(bytes.get(start..stop).ok_or(malformed)?);
    let mut listed = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        listed.push(fields.central().ok_or(malformed)?);
    }
    if !fields.0.is_empty() {
        return Err(Finding::DirectoriesDiffer);
    }
    Ok((listed, offset.into()))
}

/// The last end record. A line end or two may have crept in behind it on the way.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let tail = bytes.get(from..)?;
    let at = tail.windows(END_SIGNATURE.len()).rposition(|window| window == END_SIGNATURE)?;
    (tail.len() - at >= END_BYTES).then_some(from + at)
}

/// Where an entry lies.
struct Place<'a> {
    /// From its own header to the end of its data.
    extent: (u64, u64),
    data: &'a [u8],
    agrees: bool,
}

impl<'a> Place<'a> {
    fn of(bytes: &'a [u8], listed: &Listed<'_>, directory_offset: u64) -> Result<Self, Finding> {
        let start = usize::try_from(listed.offset).map_err(|_| Finding::ArchiveMalformed)?;
        let mut fields = Fields(bytes.get(start..).ok_or(Finding::Truncated)?);
        let local = fields.local().ok_or(Finding::ArchiveMalformed)?;
        let data_start = bytes.len() - fields.0.len();
        let end = (data_start as u64).saturating_add(listed.packed);
        if end > directory_offset {
            return Err(Finding::Truncated);
        }
        let data = usize::try_from(listed.packed).ok().and_then(|length| fields.take(length));
        let data = data.ok_or(Finding::Truncated)?;
        let unknown = |size: u64| size == 0 || size == u64::from(u32::MAX);
        let sizes_agree = local.flags & FLAG_SIZES_FOLLOW != 0 && unknown(local.packed) && unknown(local.size)
            || (local.packed, local.size, local.crc) == (listed.packed, listed.size, listed.crc);
        let agrees = sizes_agree
            && local.raw_name == listed.raw_name
            && local.method == listed.method
            && local.flags & FLAGS_ENCRYPTED == listed.flags & FLAGS_ENCRYPTED;
        Ok(Self { extent: (listed.offset, end), data, agrees })
    }
}

impl Listed<'_> {
    fn judge<'a>(&self, place: &Place<'a>) -> Result<Entry<'a>, Finding> {
        if self.size > RATIO_ASKED_FROM && self.size / RATIO_MAX > self.packed {
            return Err(Finding::Bomb);
        }
        let name = self.name();
        let refused = [
            (self.flags & FLAGS_ENCRYPTED != 0 || self.method == METHOD_AES, Finding::Encrypted),
            (self.is_symlink(), Finding::Symlink),
            (leads_outside(&name), Finding::PathOutside),
            (!place.agrees, Finding::DirectoriesDiffer),
            (![STORED, DEFLATED].contains(&self.method), Finding::CompressionUnknown),
            (self.method == STORED && self.packed != self.size, Finding::DirectoriesDiffer),
        ];
        match refused.into_iter().find(|(refused, _)| *refused) {
            Some((_, finding)) => Err(finding),
            None => Ok(Entry { name, size: self.size, method: self.method, crc: self.crc, data: place.data }),
        }
    }

    /// Its path. Some programs write it with the other slash.
    fn name(&self) -> String {
        String::from_utf8_lossy(self.raw_name).replace('\\', "/")
    }

    /// A file's kind stands in the upper half of the attributes, where Unix or macOS made the archive (§4.4.2.2).
    fn is_symlink(&self) -> bool {
        const KIND: u32 = 0o170_000 << 16;
        const SYMLINK: u32 = 0o120_000 << 16;
        [3, 19].contains(&self.made_on) && self.attributes & KIND == SYMLINK
    }
}

/// Would a program that writes this entry to disk write outside of its folder?
pub(crate) fn leads_outside(name: &str) -> bool {
    let mut letters = name.chars();
    let is_drive = letters.next().is_some_and(|letter| letter.is_ascii_alphabetic()) && letters.next() == Some(':');
    name.starts_with('/') || is_drive || name.contains('\0') || name.split('/').any(|folder| folder == "..")
}

impl Entry<'_> {
    /// Reads its first bytes, `limit` of them at most.
    pub(crate) fn inflate(&self, limit: usize) -> Result<Inflated, Finding> {
        let limit = limit as u64;
        // An honest entry ends at its size; one byte more is enough to see that it lies.
        let bound = limit.min(self.size.saturating_add(1));
        let mut bytes = Vec::with_capacity(usize::try_from(bound).unwrap_or_default());
        let read = match self.method {
            STORED => self.data.take(bound).read_to_end(&mut bytes),
            _ => DeflateDecoder::new(self.data).take(bound).read_to_end(&mut bytes),
        };
        if bytes.len() as u64 > self.size {
            return Err(Finding::Bomb);
        }
        read.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Finding::Truncated,
            _ => Finding::ArchiveMalformed,
        })?;
        let whole = bytes.len() as u64 == self.size;
        if !whole && (bytes.len() as u64) < limit {
            return Err(Finding::Truncated);
        }
        if whole && crc_of(&bytes) != self.crc {
            return Err(Finding::ArchiveMalformed);
        }
        Ok(Inflated { bytes, whole })
    }
}

fn crc_of(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Numbers of a zip file, least byte first.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// An entry of the directory (§4.3.12).
    fn central(&mut self) -> Option<Listed<'a>> {
        (self.take(4)? == CENTRAL_SIGNATURE).then_some(())?;
        let [_version, made_on] = self.u16()?.to_le_bytes();
        let _needed = self.u16()?;
        let (flags, method, _time, _date) = (self.u16()?, self.u16()?, self.u16()?, self.u16()?);
        let (crc, packed, size) = (self.u32()?, self.u32()?.into(), self.u32()?.into());
        let lengths = [self.u16()?, self.u16()?, self.u16()?].map(usize::from);
        let (_disk, _inner) = (self.u16()?, self.u16()?);
        let (attributes, offset) = (self.u32()?, self.u32()?.into());
        let [name, extra, comment] = lengths;
        let raw_name = self.take(name)?;
        self.take(extra + comment)?;
        Some(Listed { made_on, flags, method, crc, packed, size, attributes, offset, raw_name })
    }

    /// The header in front of an entry's data (§4.3.7).
    fn local(&mut self) -> Option<Listed<'a>> {
        (self.take(4)? == LOCAL_SIGNATURE).then_some(())?;
        let _needed = self.u16()?;
        let (flags, method, _time, _date) = (self.u16()?, self.u16()?, self.u16()?, self.u16()?);
        let (crc, packed, size) = (self.u32()?, self.u32()?.into(), self.u32()?.into());
        let (name, extra) = (self.u16()?, self.u16()?);
        let raw_name = self.take(name.into())?;
        self.take(extra.into())?;
        Some(Listed { made_on: 0, flags, method, crc, packed, size, attributes: 0, offset: 0, raw_name })
    }
}
