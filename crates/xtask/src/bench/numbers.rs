//! Numbers for files that are made to be measured: the same every time.

use anyhow::Result;
use pli_types::{AddressForm, Ins};

/// The patient of this number; another one for each below 1.8 thousand million.
pub(super) fn patient(number: u64) -> Result<Ins> {
    let (sex, year, month) = (1 + number % 2, number / 2 % 100, 1 + number / 200 % 12);
    let (department, commune, rank) = (21 + number / 2400 % 75, number / 180_000 % 10, number / 1_800_000 % 999);
    let text = format!("{sex}{year:02}{month:02}{department:02}{:03}{:03}", 1 + commune, 1 + rank);
    Ok(Ins::parse_as(&text, &[AddressForm::Nir13])?)
}

/// Looks random.
pub(super) fn mixed(number: u64) -> u64 {
    let mut state = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
