//! `pli notice show`.

use super::{Globals, beside_the_point, members_of};
use crate::admin::notice::{Ask, Told};
use crate::admin::{Answer, Request};
use crate::cli::asking::ask;
use crate::exit::Failure;
use crate::output;

pub(super) fn run(globals: &Globals, name: String) -> Result<(), Failure> {
    let Answer::Notice(Told::One(row)) = ask(globals, Request::Notice(Ask::Show { name }), None)? else {
        return Err(beside_the_point());
    };
    output::print(&globals.format().object(&members_of(&row)))
}
