//! What the dialogues stand on.

pub(crate) mod script;
pub(crate) mod stage;
