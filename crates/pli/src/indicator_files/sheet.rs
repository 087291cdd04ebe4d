//! Writes a month's indicators as a [`Layout`] says: CSV in UTF-8 with a header line. No cell is a formula to a program that
//! opens it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::fmt::strtime;

use super::layout::{Column, Filled, Layout, Rows, Sheet};
use crate::admin::report::{ConnectionsTold, IndicatorTold};

/// A month, counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts<'a> {
    /// Its first day.
    pub(crate) month: Date,
    pub(crate) indicators: &'a [IndicatorTold],
    pub(crate) mailboxes: &'a [ConnectionsTold],
}

/// The text of a file.
pub(crate) fn write(layout: &Layout, sheet: &Sheet, counts: Counts<'_>) -> String {
    let writer = Writer { layout, sheet, counts };
    let mut out = writer.line(sheet.columns.iter().map(|column| column.name.clone()));
    match &sheet.rows {
        Rows::MailboxTypes => writer.mailbox_types(&mut out),
        Rows::Labels(of) => writer.labels(of, &mut out),
        Rows::Mailboxes => writer.mailboxes(&mut out),
    }
    out
}

struct Writer<'a> {
    layout: &'a Layout,
    sheet: &'a Sheet,
    counts: Counts<'a>,
}

impl Writer<'_> {
    fn mailbox_types(&self, out: &mut String) {
        let mut rows: BTreeMap<(&str, &str), Vec<&IndicatorTold>> = BTreeMap::new();
        for indicator in self.counts.indicators {
            rows.entry((&indicator.domain, &indicator.mailbox_type)).or_default().push(indicator);
        }
        for ((domain, mailbox_type), indicators) in rows {
            *out += &self.line(self.cells(|filled| match filled {
                Filled::Domain => domain.to_owned(),
                Filled::MailboxType => mailbox_type.to_owned(),
                Filled::Measure(measure, label) => {
                    let is_asked = |indicator: &&&IndicatorTold| {
                        indicator.measure == *measure && label.as_ref().is_none_or(|label| indicator.label == *label)
                    };
                    sum(indicators.iter().filter(is_asked).copied())
                }
                _ => String::new(),
            }));
        }
    }

    fn labels(&self, of: &[String], out: &mut String) {
        let mut rows: BTreeMap<(&str, &str, &str), Vec<&IndicatorTold>> = BTreeMap::new();
        for indicator in self.counts.indicators.iter().filter(|indicator| of.contains(&indicator.measure)) {
            let row = (indicator.domain.as_str(), indicator.mailbox_type.as_str(), indicator.label.as_str());
            rows.entry(row).or_default().push(indicator);
        }
        for ((domain, mailbox_type, label), indicators) in rows {
            *out += &self.line(self.cells(|filled| match filled {
                Filled::Domain => domain.to_owned(),
                Filled::MailboxType => mailbox_type.to_owned(),
                Filled::Label => label.to_owned(),
                Filled::Measure(measure, _) => {
                    sum(indicators.iter().filter(|indicator| indicator.measure == *measure).copied())
                }
                _ => String::new(),
            }));
        }
    }

    fn mailboxes(&self, out: &mut String) {
        for mailbox in self.counts.mailboxes {
            *out += &self.line(self.cells(|filled| match filled {
                Filled::Domain => mailbox.domain.clone(),
                Filled::MailboxType => mailbox.mailbox_type.clone(),
                Filled::Mailbox => mailbox.mailbox.clone(),
                Filled::Date => {
                    let written = mailbox.last_on.map(|day| day_as(&self.layout.date, day));
                    written.unwrap_or_else(|| self.layout.unknown_date.clone())
                }
                Filled::Connections => mailbox.connections.to_string(),
                _ => String::new(),
            }));
        }
    }

    /// The cells of a line: what is of the row comes from `of_row`.
    fn cells(&self, of_row: impl Fn(&Filled) -> String) -> impl Iterator<Item = String> {
        self.sheet.columns.iter().map(move |Column { filled, .. }| match filled {
            Filled::Text(text) => text.clone(),
            Filled::Month => day_as(&self.layout.month, self.counts.month),
            other => of_row(other),
        })
    }

    /// RFC 4180, but for the separator.
    fn line(&self, cells: impl Iterator<Item = String>) -> String {
        let cells: Vec<String> = cells.map(|cell| self.quoted(&harmless(cell))).collect();
        cells.join(&self.layout.separator.to_string()) + "\r\n"
    }

    fn quoted(&self, cell: &str) -> String {
        if cell.contains([self.layout.separator, '"', '\r', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    }
}

fn sum<'a>(indicators: impl Iterator<Item = &'a IndicatorTold>) -> String {
    indicators.fold(0_u64, |sum, indicator| sum.saturating_add(indicator.value)).to_string()
}

/// The form was tried when the layout was read.
fn day_as(form: &str, day: Date) -> String {
    strtime::format(form, day).unwrap_or_else(|_| day.to_string())
}

/// What begins so is a formula to a program that shows tables. With an apostrophe before it, it is text.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn indicator(domain: &str, kind: &str, measure: &str, label: &str, value: u64) -> IndicatorTold {
        let [month, domain, mailbox_type, measure, label] =
            ["2026-10", domain, kind, measure, label].map(str::to_owned);
        IndicatorTold { month, domain, mailbox_type, measure, label, value }
    }

    fn mailbox(mailbox: &str, last_on: Option<Date>, connections: u64) -> ConnectionsTold {
        let [mailbox, domain, mailbox_type] = [mailbox, "a.test", "PER"].map(str::to_owned);
        ConnectionsTold { mailbox, domain, mailbox_type, last_on, connections }
    }

    fn written(layout: &str, indicators: &[IndicatorTold], mailboxes: &[ConnectionsTold]) -> Vec<String> {
        let layout = Layout::parse(layout, &"test").unwrap();
        let counts = Counts { month: date(2026, 10, 1), indicators, mailboxes };
        layout.files.iter().map(|sheet| write(&layout, sheet, counts)).collect()
    }

    #[test]
    fn a_layout_names_orders_and_fills_the_columns() {
        let layout = r#"
            separator = ","
            month = "%m/%Y"
            date = "%d/%m/%Y"
            unknown_date = "NC"
            [[file]]
            name = "a.csv"
            rows = "mailbox-types"
            columns = [{ name = "n", from = "sent-ins" }, { name = "o", from = "sent-ins:O" },
                { name = "of", text = "x,\"y\"" }, { name = "mois", from = "month" }, { name = "d", from = "domain" }]
            [[file]]
            name = "b.csv"
            rows = "labels"
            of = ["refused"]
            columns = [{ name = "motif", from = "label" }, { name = "n", from = "refused" }]
            [[file]]
            name = "c.csv"
            rows = "mailboxes"
            columns = [{ name = "bal", from = "mailbox" }, { name = "date", from = "date" }]
        "#;
        let indicators = [
            indicator("a.test", "PER", "sent-ins", "N", 3),
            indicator("a.test", "PER", "sent-ins", "O", 2),
            indicator("b.test", "", "refused", "mailbox-full", 7),
        ];
        let mailboxes = [mailbox("x@a.test", Some(date(2026, 10, 9)), 4), mailbox("y@a.test", None, 0)];
        assert_eq!(
            written(layout, &indicators, &mailboxes),
            [
                "n,o,of,mois,d\r\n5,2,\"x,\"\"y\"\"\",10/2026,a.test\r\n0,0,\"x,\"\"y\"\"\",10/2026,b.test\r\n",
                "motif,n\r\nmailbox-full,7\r\n",
                "bal,date\r\nx@a.test,09/10/2026\r\ny@a.test,NC\r\n",
            ]
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        let layout = r#"
            unknown_date = "-1+2"
            [[file]]
            name = "c.csv"
            rows = "mailboxes"
            columns = [{ name = "=1", from = "mailbox" }, { name = "date", from = "date" }, { name = "t", text = "\t=2" }]
        "#;
        let mailboxes = [mailbox("=cmd@a.test", None, 0)];
        assert_eq!(written(layout, &[], &mailboxes), ["'=1;date;t\r\n'=cmd@a.test;'-1+2;'\t=2\r\n"]);
    }
}
