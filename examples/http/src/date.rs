//! Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT`.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// The length of a date.
pub const LENGTH: usize = 29;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The date of a time, in whole seconds; times before 1970 count as its beginning.
#[must_use]
pub fn format(time: SystemTime) -> [u8; LENGTH] {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    format_seconds(seconds)
}

/// The date of now. It is made once a second for each thread that runs coroutines: no coroutine is
/// suspended in here, so a plain thread-local value will do.
#[must_use]
pub fn now() -> [u8; LENGTH] {
    thread_local! {
        static LATEST: Cell<(u64, [u8; LENGTH])> = const { Cell::new((u64::MAX, [0; LENGTH])) };
    }
    let now = SystemTime::now();
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (of, date) = LATEST.get();
    if of == seconds {
        return date;
    }
    let date = format_seconds(seconds);
    LATEST.set((seconds, date));
    date
}

/// The date so many seconds after the beginning of 1970, which was a Thursday.
fn format_seconds(seconds: u64) -> [u8; LENGTH] {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let text = format!(
        "{}, {day:02} {} {:04} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[month],
        year.min(9999),
        time / 3600,
        time / 60 % 60,
        time % 60,
    );
    text.as_bytes()
        .try_into()
        .expect("every date has this length")
}

/// Year, month from 0 and day from 1 of a day counted from the beginning of 1970.
fn civil(days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let leaps = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let before = |year: u64| (year - 1970) * 365 + leaps(year) - leaps(1970);
    // A guess that is right or one too high.
    let mut year = 1970 + days / 365;
    while before(year) > days {
        year -= 1;
    }
    let mut day = days - before(year);
    for (month, length) in [
        31,
        28 + u64::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ]
    .into_iter()
    .enumerate()
    {
        if day < length {
            return (year, month, day + 1);
        }
        day -= length;
    }
    unreachable!("a year has no more days than its months")
}
