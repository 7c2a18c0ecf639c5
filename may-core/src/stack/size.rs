//! How large a stack is: [`StackSize`] and the text in which users write one.

use std::fmt;
use std::str::FromStr;

/// The bytes of a stack.
///
/// Memory is only used for the part of a stack that a coroutine has touched, so a roomy stack costs
/// address space and nothing else.
///
/// Sizes come from numbers of bytes or from text:
///
/// ```text
/// StackSize::from_bytes(128 * 1024)
/// StackSize::parse("128k")             // also "128K", "128KiB", "131072", "1m", "2g"
/// ```
///
/// A size is rounded up to whole pages, and to no less than [`StackSize::MIN`]. A stack may turn
/// out larger than asked for, never smaller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackSize(usize);

/// The size to whose multiples sizes are rounded: the smallest page there is.
///
/// A constant, because sizes are made in constants too; where pages are larger, the classes of the
/// pool round further.
const GRANULE_BYTES: usize = 4096;

impl StackSize {
    /// The smallest stack: 32 KiB, since printing the backtrace of a panic takes 22 KiB alone.
    pub const MIN: StackSize = StackSize(32 << 10);

    /// The stack of a coroutine for which nothing else was said: 256 KiB.
    pub const DEFAULT: StackSize = StackSize(256 << 10);

    /// The size of at least `bytes` bytes.
    ///
    /// Every number is allowed. If there is no address space for a stack of that size, the join of
    /// the coroutine returns an error.
    pub const fn from_bytes(bytes: usize) -> StackSize {
        let bytes = if bytes < StackSize::MIN.0 {
            StackSize::MIN.0
        } else {
            bytes
        };
        let largest = usize::MAX / GRANULE_BYTES * GRANULE_BYTES;
        StackSize(if bytes > largest {
            largest
        } else {
            bytes.next_multiple_of(GRANULE_BYTES)
        })
    }

    /// Reads a size: a number of bytes, or a number with `k`, `m` or `g`, also written `KiB`, `MiB`
    /// or `GiB`.
    ///
    /// # Errors
    ///
    /// Fails if the text is anything else, or if the number does not fit.
    pub const fn parse(text: &str) -> Result<StackSize, ParseStackSizeError> {
        let text = text.as_bytes();
        let mut number: usize = 0;
        let mut at = 0;
        while at < text.len() && text[at].is_ascii_digit() {
            let digit = (text[at] - b'0') as usize;
            number = match number.checked_mul(10) {
                Some(number) => match number.checked_add(digit) {
                    Some(number) => number,
                    None => return Err(ParseStackSizeError(ParseFault::TooLarge)),
                },
                None => return Err(ParseStackSizeError(ParseFault::TooLarge)),
            };
            at += 1;
        }
        if at == 0 {
            return Err(ParseStackSizeError(ParseFault::NotASize));
        }
        let Some(unit) = unit_of(text, at) else {
            return Err(ParseStackSizeError(ParseFault::NotASize));
        };
        match number.checked_mul(unit) {
            Some(bytes) => Ok(StackSize::from_bytes(bytes)),
            None => Err(ParseStackSizeError(ParseFault::TooLarge)),
        }
    }

    /// The number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

/// How many bytes the unit stands for with which `text` ends from index `at` on.
const fn unit_of(text: &[u8], at: usize) -> Option<usize> {
    let long = text.len() == at + 3 && text[at + 1] == b'i' && text[at + 2] == b'B';
    if text.len() == at {
        Some(1)
    } else if text.len() == at + 1 || long {
        match (text[at], long) {
            (b'k', false) | (b'K', _) => Some(1 << 10),
            (b'm', false) | (b'M', _) => Some(1 << 20),
            (b'g', false) | (b'G', _) => Some(1 << 30),
            _ => None,
        }
    } else {
        None
    }
}

impl Default for StackSize {
    fn default() -> StackSize {
        StackSize::DEFAULT
    }
}

impl From<usize> for StackSize {
    fn from(bytes: usize) -> StackSize {
        StackSize::from_bytes(bytes)
    }
}

impl FromStr for StackSize {
    type Err = ParseStackSizeError;

    fn from_str(text: &str) -> Result<StackSize, ParseStackSizeError> {
        StackSize::parse(text)
    }
}

impl TryFrom<&str> for StackSize {
    type Error = ParseStackSizeError;

    fn try_from(text: &str) -> Result<StackSize, ParseStackSizeError> {
        StackSize::parse(text)
    }
}

impl fmt::Display for StackSize {
    /// Writes the size as [`StackSize::parse`] reads it, with the largest unit that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, letter) = match self.0 {
            bytes if bytes % (1 << 30) == 0 => (1 << 30, "g"),
            bytes if bytes % (1 << 20) == 0 => (1 << 20, "m"),
            _ => (1 << 10, "k"),
        };
        f.pad(&format!("{}{letter}", self.0 / unit))
    }
}

impl fmt::Debug for StackSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StackSize({self})")
    }
}

/// A text is not a [`StackSize`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseStackSizeError(ParseFault);

/// What is wrong with a text that is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParseFault {
    /// It is not a number with one of the units.
    NotASize,
    /// The number of bytes does not fit into a `usize`.
    TooLarge,
}

impl ParseStackSizeError {
    /// Says what is wrong and what to write; a function of its own so that constants can panic with
    /// it.
    pub const fn message(&self) -> &'static str {
        match self.0 {
            ParseFault::NotASize => {
                "not a stack size\nhelp: write a number of bytes, or one with a unit: `65536`, `64k`, `1m`, `2g`"
            }
            ParseFault::TooLarge => {
                "a stack size that does not fit into the address space\nhelp: stacks of `64k` to `8m` suit most code"
            }
        }
    }
}

impl fmt::Display for ParseStackSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ParseStackSizeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_pages_and_never_too_small() {
        assert_eq!(StackSize::from_bytes(0), StackSize::MIN);
        assert_eq!(StackSize::from_bytes(1), StackSize::MIN);
        assert_eq!(StackSize::from_bytes(32768).bytes(), 32768);
        assert_eq!(StackSize::from_bytes(32769).bytes(), 36864);
        assert_eq!(StackSize::from(65536).bytes(), 65536);
        assert_eq!(StackSize::default(), StackSize::DEFAULT);
    }

    #[test]
    fn absurd_sizes_do_not_overflow() {
        for bytes in [
            usize::MAX,
            usize::MAX - 1,
            usize::MAX - 4095,
            isize::MAX as usize,
        ] {
            let size = StackSize::from_bytes(bytes);
            assert!(size.bytes() >= isize::MAX as usize);
            assert_eq!(size.bytes() % GRANULE_BYTES, 0);
        }
    }

    #[test]
    fn every_documented_way_to_write_a_size_is_read() {
        const CONSTANT: StackSize = match StackSize::parse("64k") {
            Ok(size) => size,
            Err(error) => panic!("{}", error.message()),
        };
        assert_eq!(CONSTANT.bytes(), 65536);
        for (text, bytes) in [
            ("65536", 65536),
            ("64k", 65536),
            ("64K", 65536),
            ("64KiB", 65536),
            ("1m", 1 << 20),
            ("1M", 1 << 20),
            ("1MiB", 1 << 20),
            ("2g", 2 << 30),
            ("2G", 2 << 30),
            ("2GiB", 2 << 30),
            ("0", 32768),
            ("00000000000000000000000064k", 65536),
        ] {
            assert_eq!(text.parse(), Ok(StackSize(bytes)), "{text}");
            assert_eq!(StackSize::try_from(text), Ok(StackSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in [
            "", "k", "-1", "+1", " 64k", "64k ", "64kb", "64kB", "64KB", "64kib", "64kiB", "64ki",
            "1t", "0x10", "1_000", "1.5m", "64kk", "６４k",
        ] {
            assert_eq!(
                StackSize::parse(text),
                Err(ParseStackSizeError(ParseFault::NotASize)),
                "{text}"
            );
        }
        for text in ["99999999999999999999999", "18446744073709551615g"] {
            assert_eq!(
                StackSize::parse(text),
                Err(ParseStackSizeError(ParseFault::TooLarge)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_size_is_shown_as_it_is_read() {
        for (bytes, text) in [
            (32768, "32k"),
            (36864, "36k"),
            (1 << 20, "1m"),
            (3 << 30, "3g"),
        ] {
            let size = StackSize::from_bytes(bytes);
            assert_eq!(size.to_string(), text);
            assert_eq!(StackSize::parse(text), Ok(size));
        }
        assert_eq!(
            format!("{:?} {:>5}|", StackSize::DEFAULT, StackSize::MIN),
            "StackSize(256k)   32k|"
        );
    }

    #[test]
    fn errors_say_what_to_write() {
        assert!(
            StackSize::parse("64kb")
                .unwrap_err()
                .to_string()
                .contains("`64k`")
        );
        assert!(
            StackSize::parse("99999999999999999999999")
                .unwrap_err()
                .to_string()
                .contains("fit")
        );
    }
}
