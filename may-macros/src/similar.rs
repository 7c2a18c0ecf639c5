//! "Did you mean": finds the name that was probably meant.

/// Counts the edits that turn one word into the other: a letter more, less, changed, or swapped
/// with the next.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    // Rows of the classic table; `previous` is one letter of `from` back, `before` two, for swaps.
    let mut before = Vec::new();
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (i, &a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in to.iter().enumerate() {
            let change = previous[j] + usize::from(a != b);
            let mut best = change.min(previous[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a == to[j - 1] && from[i - 1] == b {
                let swap: usize = before[j - 1];
                best = best.min(swap + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[to.len()]
}

/// Returns the candidate closest to `name`, if one is close enough to be what was meant.
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= candidate.len().max(name.len()) / 3)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("stack", "stack"), 0);
        assert_eq!(distance("stakc", "stack"), 1);
        assert_eq!(distance("stck", "stack"), 1);
        assert_eq!(distance("sstack", "stack"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_close_names_are_offered() {
        let names = ["workers", "stack", "crate"];
        assert_eq!(closest("worker", names), Some("workers"));
        assert_eq!(closest("Workers", names), Some("workers"));
        assert_eq!(closest("wrokers", names), Some("workers"));
        assert_eq!(closest("crates", names), Some("crate"));
        assert_eq!(closest("threads", names), None);
        assert_eq!(closest("x", names), None);
        assert_eq!(closest("", names), None);
    }
}
