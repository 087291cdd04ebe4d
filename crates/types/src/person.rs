//! [`Person`]: a person's identifier, as it was found in a text.

use std::fmt;

use crate::ins::Ins;

/// Characters of an INS without its key; a run as long as this is close enough to an INS to hide.
const NUMBER: usize = 13;

/// A person's identifier: an INS, or what somebody wrote for one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Person {
    known: String,
    written: String,
}

impl Person {
    pub(crate) fn number(written: &str) -> Self {
        let known = written.get(..NUMBER).unwrap_or(written).to_ascii_uppercase();
        Self { known, written: written.to_owned() }
    }

    /// Of a run that holds an identifier somewhere: the real one, if there is one in it, so that it is known as the same
    /// as where it stands alone.
    pub(crate) fn run(run: &str) -> Self {
        let run: String = run.chars().filter(char::is_ascii_alphanumeric).collect();
        let real = (0..run.len()).find_map(|start| Ins::parse(run.get(start..start + 15)?).ok());
        real.map_or_else(|| Self::number(&run), |ins| Self::number(ins.reveal()))
    }

    /// What stands alone: what [`Person::reveal`] gave, or a local part at the patients' domain, which may be a name. A
    /// number whose key does not fit is the number that it begins with.
    #[must_use]
    pub fn parse(written: &str) -> Self {
        if written.bytes().take(NUMBER).filter(u8::is_ascii_digit).count() >= NUMBER - 1 {
            Self::number(written)
        } else {
            Self { known: written.to_lowercase(), written: written.to_owned() }
        }
    }

    /// What all ways of writing this identifier have in common: a number of 13 characters for an INS.
    #[must_use]
    pub fn known(&self) -> &str {
        &self.known
    }

    /// The identifier as it was written, without what stood between its characters.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.written
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ins-hidden")
    }
}

/// The length of the run at the start of the text that must be hidden; 0 if none begins here.
///
/// A run begins as 13 characters, digits but for one letter A or B between digits (of Corsica, or a slip of the hand).
/// It goes on as long as such characters do, so that no tail of an identifier stays behind.
pub(crate) fn run_length(text: &[u8]) -> usize {
    let digit = |index: usize| text.get(index).is_some_and(u8::is_ascii_digit);
    let letter = |index: usize| text.get(index).is_some_and(|byte| matches!(byte, b'A' | b'B' | b'a' | b'b'));
    let mut letters = 0;
    for index in 0..NUMBER {
        if letter(index) && index > 0 && digit(index - 1) && digit(index + 1) && letters == 0 {
            letters = 1;
        } else if !digit(index) {
            return 0;
        }
    }
    (NUMBER..=text.len()).find(|index| !digit(*index) && !letter(*index)).unwrap_or(NUMBER)
}
