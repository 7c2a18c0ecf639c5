//! Which functions say that they can be cancelled.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What the search finds in the sources below a directory.
#[derive(Default)]
pub(crate) struct Documented {
    /// As `file Type::function`.
    pub(crate) functions: BTreeSet<String>,
    /// As `Type::function`, by the macro that makes them.
    by_macro: BTreeMap<String, BTreeSet<String>>,
    /// Macros and the files in which they are used.
    uses: BTreeSet<(String, String)>,
}

impl Documented {
    /// The functions with a section on cancellation, also those that a macro makes in several
    /// files.
    pub(crate) fn below(root: &Path) -> Documented {
        let mut documented = Documented::default();
        documented.read_directory(root, root);
        for (name, file) in &documented.uses {
            for function in documented.by_macro.get(name).into_iter().flatten() {
                documented.functions.insert(format!("{file} {function}"));
            }
        }
        documented
    }

    fn read_directory(&mut self, directory: &Path, root: &Path) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read_directory(&path, root);
                continue;
            }
            let file = path.strip_prefix(root).unwrap().to_str().unwrap();
            let file = file.replace('\\', "/");
            self.read_file(&file, &fs::read_to_string(&path).unwrap());
        }
    }

    /// Reads a file as rustfmt leaves it: what begins at a column ends with a brace at the same
    /// one.
    fn read_file(&mut self, file: &str, text: &str) {
        let mut section = false;
        let mut owner = Inside::default();
        let mut definition = Inside::default();
        for line in text.lines() {
            let code = line.trim_start();
            let column = line.len() - code.len();
            if code.starts_with("///") || code.starts_with("#[") {
                section |= code.starts_with("/// # Cancellation");
                continue;
            }
            if code.starts_with('}') {
                owner.leave(column);
                definition.leave(column);
            } else if let Some(name) = code.strip_prefix("macro_rules! ") {
                definition.enter(column, identifier(name));
            } else if let Some(header) = code.strip_prefix("impl")
                && !code.ends_with('}')
            {
                owner.enter(column, implementor(header));
            } else if let Some((before, _)) = code.split_once("!(") {
                let name = before.rsplit("::").next().unwrap_or(before);
                self.uses.insert((name.to_owned(), file.to_owned()));
            }
            if std::mem::take(&mut section)
                && let Some((_, rest)) = code.split_once("fn ")
            {
                let function = match &owner.0 {
                    Some((_, owner)) => format!("{owner}::{}", identifier(rest)),
                    None => identifier(rest),
                };
                match &definition.0 {
                    Some((_, name)) => {
                        let functions = self.by_macro.entry(name.clone()).or_default();
                        functions.insert(function);
                    }
                    None => {
                        self.functions.insert(format!("{file} {function}"));
                    }
                }
            }
        }
    }
}

/// The column and the name of what the search is inside of.
#[derive(Default)]
struct Inside(Option<(usize, String)>);

impl Inside {
    fn enter(&mut self, column: usize, name: String) {
        self.0 = Some((column, name));
    }

    /// Leaves it at a closing brace of the same column.
    fn leave(&mut self, column: usize) {
        self.0.take_if(|(begun, _)| *begun == column);
    }
}

/// The identifier at the beginning of `text`.
fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The type whose implementation has this header, after `impl`.
fn implementor(header: &str) -> String {
    let header = header.replace("->", "");
    let mut depth = 0;
    let after_generics = header.find(|c| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth == 0 && c == ' '
    });
    let name = header[after_generics.unwrap_or(0)..].trim_start();
    let name = name.split_once(" for ").map_or(name, |(_, name)| name);
    identifier(name)
}
