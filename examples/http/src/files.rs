//! Files from a directory.
//!
//! What is not served, because it is not meant for clients: names that begin with a dot, `..` among
//! them; what lies outside of the directory, also if a symbolic link inside leads there; and what
//! is no regular file.
//!
//! Looking for a file takes several calls of the operating system, each of which may block. They
//! are std's, on a thread that is there for that (`may::unblock`), so that the way there is made
//! once.

use std::fs;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use may::fs::File;

use crate::date;
use crate::exchange::{Exchange, Length};
use crate::refusal::{Failure, Refusal, Status};

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// Types by the ends of names.
const TYPES: [(&str, &str); 14] = [
    ("css", "text/css"),
    ("gif", "image/gif"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webp", "image/webp"),
];

/// A directory whose files are served.
#[derive(Clone, Debug)]
pub struct Files {
    /// Without symbolic links in it.
    root: PathBuf,
}

impl Files {
    /// The files below `root`.
    ///
    /// # Errors
    ///
    /// If there is no such directory.
    pub fn new(root: impl AsRef<Path>) -> io::Result<Files> {
        let root = fs::canonicalize(root)?;
        match root.is_dir() {
            true => Ok(Files { root }),
            false => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// Answers a request for `path`.
    ///
    /// # Errors
    ///
    /// If the client has gone, or a file cannot be read to its end.
    pub fn answer(&self, path: &str, exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
        let none = "there is no such file";
        let Some(relative) = relative(path)? else {
            return exchange.explain(Status::NOT_FOUND, &[], none);
        };
        match may::unblock(|| self.open(&relative, path.ends_with('/'))) {
            Ok(Found::File(file)) => file.send(exchange),
            Ok(Found::Directory) => {
                // The links in it are meant from inside.
                let location = format!("{path}/");
                let headers = [("Location", location.as_str())];
                exchange.explain(Status::MOVED_PERMANENTLY, &headers, "it is a directory")
            }
            // A client that may not have it is not told whether it is there.
            Err(_) => exchange.explain(Status::NOT_FOUND, &[], none),
        }
    }

    /// Opens what is at a path. This blocks.
    fn open(&self, relative: &Path, is_directory: bool) -> io::Result<Found> {
        let mut path = fs::canonicalize(self.root.join(relative))?;
        if is_directory {
            path = fs::canonicalize(path.join("index.html"))?;
        }
        if !path.starts_with(&self.root) {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let metadata = fs::metadata(&path)?;
        if metadata.is_dir() {
            return Ok(Found::Directory);
        }
        // Opening something else, such as a named pipe, could wait without end.
        if !metadata.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let file = fs::File::open(&path)?;
        // Of what was opened: another file may have been put in its place by now.
        let metadata = file.metadata()?;
        Ok(Found::File(Opened {
            length: metadata.len(),
            modified: metadata.modified().map(date::format).ok(),
            content_type: content_type(&path),
            file: file.into(),
        }))
    }
}

/// What there is at a path.
enum Found {
    File(Opened),
    Directory,
}

/// A file that is to be sent.
struct Opened {
    file: File,
    length: u64,
    modified: Option<[u8; date::LENGTH]>,
    content_type: &'static str,
}

impl Opened {
    /// Sends it, or a part of it, or says that the client has it already.
    fn send(mut self, exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
        let request = exchange.request();
        let modified = self.modified;
        let modified = modified.as_ref().map(|date| date.as_slice());
        let date = std::str::from_utf8(modified.unwrap_or_default()).unwrap_or_default();
        let mut headers = vec![
            ("Content-Type", self.content_type),
            ("Accept-Ranges", "bytes"),
        ];
        if modified.is_some() {
            headers.push(("Last-Modified", date));
        }
        // The client sends the date that it was sent, so there is no need to understand it. A date
        // that is not that one is no reason to send nothing. One who asks by tags as well had them
        // from another version, and then the date does not count.
        if modified.is_some()
            && request.header("if-none-match").is_none()
            && request.header("if-modified-since") == modified
        {
            return exchange.respond(Status::NOT_MODIFIED, &headers, b"");
        }
        let is_same = request
            .header("if-range")
            .is_none_or(|date| Some(date) == modified);
        // There are parts for GET alone.
        let range = request
            .header("range")
            .filter(|_| is_same && request.method == "GET");
        let (from, length, content_range) =
            match range.map_or(Range::Whole, |range| parse_range(range, self.length)) {
                Range::Whole => (0, self.length, None),
                Range::Part { from, to } => {
                    let text = format!("bytes {from}-{to}/{}", self.length);
                    (from, to - from + 1, Some(text))
                }
                Range::Outside => {
                    let text = format!("bytes */{}", self.length);
                    let headers = [("Content-Range", text.as_str())];
                    let why = "the file has no such part";
                    return exchange.explain(Status::RANGE_NOT_SATISFIABLE, &headers, why);
                }
            };
        let status = match &content_range {
            Some(text) => {
                headers.push(("Content-Range", text));
                Status::PARTIAL_CONTENT
            }
            None => Status::OK,
        };
        exchange.begin(status, &headers, Length::Known(length))?;
        if request.method != "HEAD" {
            self.file.seek(SeekFrom::Start(from))?;
            copy(&mut self.file, length, exchange)?;
        }
        Ok(())
    }
}

/// Sends so many bytes of a file.
fn copy(file: &mut File, length: u64, exchange: &mut Exchange<'_, '_>) -> Result<(), Failure> {
    let mut buffer = vec![0; PIECE];
    let mut rest = file.take(length);
    loop {
        match rest.read(&mut buffer)? {
            // If the file is shorter by now, that shows in the end.
            0 => return Ok(()),
            count => exchange.write(&buffer[..count])?,
        }
    }
}

/// What part of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of it, or something that is not understood and may be answered with all of it.
    Whole,
    /// From one byte to another, both included.
    Part {
        /// The first one.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// Something that is not there.
    Outside,
}

/// Reads a `Range` header for a file of so many bytes. Several ranges are answered with the whole.
#[must_use]
pub fn parse_range(value: &[u8], length: u64) -> Range {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let bounds = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'));
    let Some((first, last)) = bounds else {
        return Range::Whole;
    };
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse::<u64>().ok(),
        false => None,
    };
    match (first, last) {
        ("", _) => match number(last) {
            Some(0) => Range::Outside,
            Some(_) if length == 0 => Range::Outside,
            Some(count) => Range::Part {
                from: length.saturating_sub(count),
                to: length - 1,
            },
            None => Range::Whole,
        },
        _ => match (number(first), number(last)) {
            (Some(from), _) if from >= length => Range::Outside,
            (Some(from), Some(to)) if from <= to => Range::Part {
                from,
                to: to.min(length - 1),
            },
            (Some(from), None) if last.is_empty() => Range::Part {
                from,
                to: length - 1,
            },
            _ => Range::Whole,
        },
    }
}

/// The path of a file below the directory; `None` if there can be no such file.
///
/// # Errors
///
/// If a percent sign is not followed by two digits.
pub fn relative(path: &str) -> Result<Option<PathBuf>, Refusal> {
    let mut relative = PathBuf::new();
    if path == "/" {
        return Ok(Some(relative));
    }
    let segments = path.strip_prefix('/').unwrap_or(path);
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    for segment in segments.split('/') {
        // Decoded after the path was split, and once: what comes out is a name, whatever is in it.
        let name = decode(segment)?;
        let is_name = !name.is_empty()
            && !name.starts_with('.')
            && !name.contains(['/', '\\', '\0', ':', char::REPLACEMENT_CHARACTER]);
        if !is_name {
            return Ok(None);
        }
        relative.push(name);
    }
    Ok(Some(relative))
}

/// Decodes the percent signs of a name.
fn decode(segment: &str) -> Result<String, Refusal> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        decoded.push(match byte {
            b'%' => match (digit(), digit()) {
                (Some(high), Some(low)) => (high * 16 + low) as u8,
                _ => return Err(Refusal::bad("a percent sign is not followed by two digits")),
            },
            byte => byte,
        });
    }
    Ok(String::from_utf8_lossy(&decoded).into_owned())
}

/// The type of a file.
fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let found = TYPES.iter().find(|(known, _)| {
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case(known))
    });
    found.map_or("application/octet-stream", |(_, content_type)| content_type)
}
