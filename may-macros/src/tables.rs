//! Holds the tables in the documentation against those of the attributes.
//!
//! `MAY_BLESS=1 cargo test -p may-macros` writes them.

use std::path::Path;
use std::{env, fs};

use crate::coroutine;
use crate::entry::Entry;
use crate::options::Table;

/// The attributes, in the order in which the documentation has them.
const TABLES: [Table; 3] = [Entry::Main.table(), Entry::Test.table(), coroutine::TABLE];

/// Replaces the tables of a text, whose lines begin with `prefix`, by those of the attributes.
fn with_tables(text: &str, prefix: &str) -> String {
    let mut tables = TABLES.iter();
    let mut written = String::new();
    let mut inside = false;
    for line in text.lines() {
        let content = line.strip_prefix(prefix).unwrap_or_default();
        if content.starts_with("| option |") {
            inside = true;
            let table = tables.next().expect("no more tables than attributes");
            for row in table.markdown().lines() {
                written += &format!("{prefix}{row}\n");
            }
        }
        inside &= content.starts_with('|');
        if !inside {
            written += &format!("{line}\n");
        }
    }
    assert!(tables.next().is_none(), "each attribute has a table");
    written
}

/// Compares a file with what it should be, or makes it so.
fn check(file: &str, prefix: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).expect("the file is there");
    let expected = with_tables(&text, prefix);
    if env::var_os("MAY_BLESS").is_some() {
        fs::write(&path, expected).expect("the file can be written");
    } else {
        assert!(
            text == expected,
            "the tables in {file} differ: run `MAY_BLESS=1 cargo test -p may-macros`\n{expected}"
        );
    }
}

#[test]
fn the_documentation_of_the_macros_has_all_options() {
    check("src/lib.rs", "/// ");
}

#[test]
fn the_users_guide_has_all_options() {
    check("../docs/attributes.md", "");
}
