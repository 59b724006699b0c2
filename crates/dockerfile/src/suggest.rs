//! "Did you mean": the nearest known name.

/// The name of `known` that is fewer than three edits from `name`, the nearest one; none if
/// `name` itself is known. Case does not count.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let lowered = candidate.to_lowercase();
        if lowered == name {
            return None;
        }
        let edits = distance(&name, &lowered);
        if edits < best.map_or(3, |(edits, _)| edits) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Levenshtein's distance in characters; anything far apart by length alone is not computed.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let length = left.chars().count();
    if length.abs_diff(right.len()) > 3 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}
