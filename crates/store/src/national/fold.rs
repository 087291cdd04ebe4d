//! [`each_word()`]: the words of a text, as they are indexed and as they are looked for.

/// Hands over the words of a text: runs of letters and digits in lower case, without the accents and ligatures of Latin
/// letters (`ANGOULÊME` is `angouleme`, `Cœur` is `coeur`). A combining accent belongs to its letter. `word` is room to
/// work in.
pub(crate) fn each_word(text: &str, word: &mut String, mut take: impl FnMut(&str)) {
    word.clear();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        } else if !c.is_ascii() && (c.is_alphanumeric() || is_combining(c)) {
            c.to_lowercase().for_each(|c| push_plain(c, word));
        } else if !word.is_empty() {
            take(word);
            word.clear();
        }
    }
    if !word.is_empty() {
        take(word);
    }
}

/// Do two texts have the same words, in the same order? Case, accents and signs are not looked at.
#[must_use]
pub fn same_words(one: &str, other: &str) -> bool {
    one == other || words(one) == words(other)
}

/// The words, each once more in memory.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    each_word(text, &mut String::new(), |word| words.push(word.to_owned()));
    words
}

fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A letter in lower case, without what stands on it, below it or through it.
fn push_plain(c: char, word: &mut String) {
    let plain = match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ĥ' | 'ħ' => 'h',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => 'i',
        'ĵ' => 'j',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ŧ' | 'ț' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => 'u',
        'ŵ' => 'w',
        'ý' | 'ÿ' | 'ŷ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'œ' => return word.push_str("oe"),
        'æ' => return word.push_str("ae"),
        'ß' => return word.push_str("ss"),
        c if is_combining(c) => return,
        c => c,
    };
    word.push(plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_however_it_is_typed() {
        for (text, plain) in [
            ("L'HERMITE-Cœur", &["l", "hermite", "coeur"][..]),
            ("Ange Lefe\u{300}vre", &["ange", "lefevre"]),
            ("ÉÈÊË ÀÂÄ ÎÏ ÔÖ ÙÛÜ Ç Ÿ Æ Ñ", &["eeee", "aaa", "ii", "oo", "uuu", "c", "y", "ae", "n"]),
            ("İstanbul Łódź Straße", &["istanbul", "lodz", "strasse"]),
            ("75014 PARIS 2B", &["75014", "paris", "2b"]),
            ("Αθήνα", &["αθήνα"]),
            ("\u{300} - ' \"*^", &[]),
            ("", &[]),
        ] {
            assert_eq!(words(text), plain, "{text}");
        }
    }
}
