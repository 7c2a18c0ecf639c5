//! The rules of the source tree, read from the sources: imports go downwards, third-party names and
//! what differs between operating systems stay in their places, every unsafe block says why it is
//! sound.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below `src`, and its lines without what they comment or quote.
#[derive(Clone)]
struct File {
    path: String,
    text: String,
    /// The lines as they are.
    raw: Vec<String>,
    /// The lines without comments, texts and tests.
    code: Vec<String>,
}

/// All files below a directory.
fn sources(root: &Path) -> Vec<File> {
    fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => collect(&path, paths),
                false if path.extension().is_some_and(|extension| extension == "rs") => {
                    paths.push(path);
                }
                false => {}
            }
        }
    }
    let mut paths = Vec::new();
    collect(root, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "{root:?} has no sources");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let raw: Vec<String> = text.lines().map(str::to_owned).collect();
        let code = raw.iter().map(|line| strip(line)).collect();
        let path = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        File {
            path,
            text,
            raw,
            code,
        }
    };
    paths.into_iter().map(read).collect()
}

/// A line without its comment and without what is in quotes.
fn strip(line: &str) -> String {
    let (mut out, mut quoted, mut before) = (String::new(), false, ' ');
    for (at, c) in line.char_indices() {
        if c == '"' && before != '\\' && (quoted || before != '\'') {
            quoted = !quoted;
        } else if !quoted {
            if line[at..].starts_with("//") {
                break;
            }
            out.push(c);
        }
        before = if before == '\\' && c == '\\' { ' ' } else { c };
    }
    out
}

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../may-core/src")
}

/// The layers, as the documentation of `may-core/src/lib.rs` has them: module to height.
fn layers(lib: &File) -> BTreeMap<String, u32> {
    let lines = lib.raw.iter().filter_map(|line| line.strip_prefix("//!"));
    let drawn = lines.skip_while(|line| !line.contains("```text")).skip(1);
    let mut layers = BTreeMap::new();
    for line in drawn.take_while(|line| !line.contains("```")) {
        let mut words = line.split_whitespace();
        let height = words
            .next()
            .and_then(|word| word.parse().ok())
            .expect("a layer has a number");
        for module in words {
            layers.insert(module.to_owned(), height);
        }
    }
    layers
}

/// The modules of this crate that a file names by `crate::`, with the lines.
fn imports(file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let joined = file.code.join("\n");
    for (at, _) in joined.match_indices("crate::") {
        if joined[..at].ends_with('$') || joined[..at].ends_with(char::is_alphanumeric) {
            continue;
        }
        let line = joined[..at].matches('\n').count();
        let rest = &joined[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            // A group: the first segment of each member at its top level.
            Some(group) => {
                let (mut depth, mut start, mut names) = (0, true, Vec::new());
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if c.is_alphabetic() && start => {
                            start = false;
                            names.push(&group[i..]);
                        }
                        _ => {}
                    }
                }
                names
            }
            None => vec![rest],
        };
        for name in names {
            let module: String = name
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.push((line + 1, module));
        }
    }
    found
}

#[test]
fn imports_go_strictly_downwards() {
    let files = sources(&core());
    let lib = files.iter().find(|file| file.path == "lib.rs").unwrap();
    let layers = layers(lib);
    assert!(
        layers.len() > 15,
        "the drawing in lib.rs is not understood: {layers:?}"
    );
    let mut wrong = Vec::new();
    for file in &files {
        let own = file.path.split('/').next().unwrap().trim_end_matches(".rs");
        if own == "lib" || own == "models" {
            continue;
        }
        let Some(&height) = layers.get(own) else {
            wrong.push(format!("{}: `{own}` is in no layer of lib.rs", file.path));
            continue;
        };
        for (line, module) in imports(file) {
            match layers.get(&module) {
                Some(&other) if module == own || other < height => {}
                Some(other) => wrong.push(format!(
                    "{}:{line}: `{module}` (layer {other}) from layer {height}",
                    file.path
                )),
                // A macro, or a type that lib.rs re-exports: not a module.
                None if module.chars().next().is_some_and(char::is_uppercase) => {}
                None if file.text.contains(&format!("macro_rules! {module}")) => {}
                None => wrong.push(format!("{}:{line}: `{module}` is in no layer", file.path)),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports that do not go downwards:\n{}",
        wrong.join("\n")
    );
}

/// Where a name from outside may stand: path prefixes.
const PLACES: &[(&str, &[&str])] = &[
    (
        "corosensei",
        &["coroutine/frame.rs", "coroutine/panic_count.rs", "stack/"],
    ),
    (
        "mio",
        &[
            "reactor/driver.rs",
            "reactor/source.rs",
            "coroutine/home.rs",
            "sys/poll.rs",
        ],
    ),
    ("libc", &["sys/"]),
    ("windows_sys", &["sys/"]),
    (
        "crossbeam_deque",
        &["worker/queues.rs", "worker/local.rs", "worker/shared.rs"],
    ),
    ("crossbeam_utils", &["util/", "queue/", "worker/"]),
    ("crossbeam_channel", &["channel/", "blocking/"]),
    (
        "pin_project_lite",
        &[
            "operation/",
            "os/unix/net/send_to.rs",
            "select/",
            "spawn/group.rs",
        ],
    ),
    ("socket2", &["net/", "os/", "sys/"]),
    ("tokio", &["io/poll.rs", "future/tokio.rs"]),
    ("futures_io", &["io/poll.rs"]),
    ("loom", &["prim.rs", "util/spin.rs", "models.rs", "models/"]),
];

/// Whether a line names the crate `name`.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let path = line[at + name.len()..].starts_with("::");
        path && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && !line[..at].ends_with("crate::")
            && !line[..at].ends_with("super::")
    })
}

#[test]
fn names_from_outside_stay_in_their_places() {
    let mut wrong = Vec::new();
    let files = sources(&core());
    for (name, places) in PLACES {
        for file in &files {
            if places.iter().any(|place| file.path.starts_with(place)) {
                continue;
            }
            for (number, line) in file.code.iter().enumerate() {
                if names_crate(line, name) {
                    wrong.push(format!("{}:{}: {name}", file.path, number + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "names outside their places:\n{}",
        wrong.join("\n")
    );
}

/// Where code may depend on the operating system, with the reason: path prefixes.
const SYSTEM_PLACES: &[(&str, &str)] = &[
    ("sys/", "one interface for all systems"),
    ("lib.rs", "names the systems that are supported"),
    ("os/mod.rs", "has a path where std has it: on some systems"),
    ("stack/tests.rs", "limits that only Linux has"),
];

#[test]
fn the_operating_system_is_told_in_its_place() {
    let mut wrong = Vec::new();
    for file in sources(&core()) {
        let is_place = |(place, _reason): &(&str, &str)| file.path.starts_with(place);
        if SYSTEM_PLACES.iter().any(is_place) {
            continue;
        }
        for (number, line) in file.code.iter().enumerate() {
            for name in ["target_os", "target_vendor", "target_env", "target_family"] {
                if line.contains(name) {
                    wrong.push(format!("{}:{}: {name}", file.path, number + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "what differs between operating systems belongs into sys/:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_dependency_has_its_place() {
    let manifest = fs::read_to_string(core().join("../Cargo.toml")).unwrap();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.contains("dependencies")
            && !section.contains("dev-")
            && let Some((name, _)) = line.split_once(['.', ' '])
        {
            let name = name.replace('-', "_");
            assert!(
                PLACES.iter().any(|(known, _)| *known == name),
                "the dependency `{name}` has no place in PLACES"
            );
        }
    }
}

#[test]
fn every_unsafe_block_says_why_it_is_sound_and_cites_a_rule() {
    let rules = fs::read_to_string(core().join("safety.md")).unwrap();
    let mut wrong = Vec::new();
    // (Unit tests do things that are not sound, to see them fail.)
    for file in sources(&core())
        .iter()
        .filter(|file| !file.path.ends_with("tests.rs"))
    {
        for (number, line) in file.code.iter().enumerate() {
            let is_block = line.match_indices("unsafe").any(|(at, _)| {
                let rest = line[at + "unsafe".len()..].trim_start();
                rest.starts_with('{') || rest.starts_with("impl")
            });
            if !is_block {
                continue;
            }
            // The comment stands above, at most some lines of the same statement away.
            let above = file.raw[..=number].iter().rev().take(12);
            let Some(comment) = above.into_iter().find(|line| line.contains("SAFETY:")) else {
                wrong.push(format!("{}:{}: no SAFETY comment", file.path, number + 1));
                continue;
            };
            let (_, reason) = comment.split_once("SAFETY:").unwrap();
            let cited = reason
                .strip_prefix(" (")
                .and_then(|rest| rest.split_once(')'));
            let Some((cited, _)) = cited else {
                wrong.push(format!(
                    "{}:{}: cites no rule: {reason}",
                    file.path,
                    number + 1
                ));
                continue;
            };
            for rule in cited.trim_start_matches("docs/safety.md, ").split(", ") {
                let is_there = [format!("**{rule}.**"), format!("### {rule}.")]
                    .iter()
                    .any(|heading| rules.contains(heading))
                    || rules
                        .to_lowercase()
                        .contains(&format!("## {}", rule.to_lowercase()));
                if !is_there {
                    wrong.push(format!(
                        "{}:{}: there is no rule {rule}",
                        file.path,
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "unsafe blocks:\n{}", wrong.join("\n"));
}

#[test]
fn the_core_neither_prints_nor_ends_the_process() {
    /// Where it must: the reports of panics and overflows, and what cannot go on.
    const EXCEPT: &[&str] = &[
        "coroutine/report.rs",
        "stack/overflow.rs",
        "util/must_return.rs",
        "coroutine/header.rs",
        "sys/",
    ];
    let mut wrong = Vec::new();
    for file in sources(&core()) {
        if EXCEPT.iter().any(|except| file.path.starts_with(except))
            || file.path.ends_with("tests.rs")
        {
            continue;
        }
        for (number, line) in file.code.iter().enumerate() {
            for name in [
                "println!",
                "eprintln!",
                "print!",
                "dbg!",
                "process::exit",
                "process::abort",
            ] {
                if line.contains(name) {
                    wrong.push(format!("{}:{}: {name}", file.path, number + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "the core is silent:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn examples_have_the_paths_of_the_facade() {
    let mut wrong = Vec::new();
    for file in sources(&core()) {
        for (number, line) in file.raw.iter().enumerate() {
            if line.contains("may_core") {
                wrong.push(format!("{}:{}: {line}", file.path, number + 1));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "who reads the documentation of `may` cannot write `may_core`:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn nothing_of_std_is_re_exported_by_a_glob() {
    let facade = core().join("../../may/src");
    let files = [sources(&core()), sources(&facade)].concat();
    let is_glob = |line: &String| {
        let line = line.trim_start();
        let path = line.strip_prefix("pub use ").unwrap_or_default();
        (path.starts_with("std::") || path.starts_with("core::")) && path.contains('*')
    };
    let wrong = files.iter().flat_map(|file| {
        let globs = file.code.iter().filter(|line| is_glob(line));
        globs.map(|line| format!("{}: {line}", file.path))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(
        wrong.is_empty(),
        "what a new version of std adds may block its thread:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_reader_of_sources_reads_what_it_should() {
    assert_eq!(strip(r#"let a = "// not"; // a comment"#), "let a = ; ");
    assert_eq!(
        strip(r#"let quote = '"'; mio::Poll"#),
        r#"let quote = '"'; mio::Poll"#
    );
    assert!(names_crate("use mio::Poll;", "mio") && !names_crate("use amio::Poll;", "mio"));
    let file = |text: &str| File {
        path: String::new(),
        text: text.to_owned(),
        raw: Vec::new(),
        code: text.lines().map(strip).collect(),
    };
    let found = imports(&file(
        "use crate::{a::b, c::{d, e}, f};\nuse crate::g::h;\n// crate::i",
    ));
    let names: Vec<_> = found
        .iter()
        .map(|(line, name)| (*line, name.as_str()))
        .collect();
    assert_eq!(names, [(1, "a"), (1, "c"), (1, "f"), (2, "g")]);
}
