use crossdock_image::{BlobDigest, Digest};

use super::*;

/// Steps are `a` for one that made a layer and `A` for one that did not; layers are digits.
#[test]
fn steps_and_layers() {
    let check = |steps: &str, count: usize, expected: &str, fits: bool| {
        let history: Vec<History> = steps
            .chars()
            .map(|step| History {
                created_by: step.to_string(),
                empty_layer: step.is_uppercase(),
                ..History::default()
            })
            .collect();
        let diff_id = DiffId::new(Digest::of(b""));
        let blob = BlobDigest::new(Digest::of(b""));
        let blobs: Vec<Descriptor> = (0..count)
            .map(|place| Descriptor::new("", blob, place as u64))
            .collect();
        let layers: Vec<HistoryLayer<'_>> = blobs
            .iter()
            .map(|descriptor| HistoryLayer {
                descriptor,
                diff_id: &diff_id,
                uncompressed: None,
            })
            .collect();
        let found = beside(&history, &layers);
        let shown: Vec<String> = found
            .steps
            .iter()
            .map(|step| {
                let by = step.history.map_or("", |step| &step.created_by);
                let layer = step.layer.map(|layer| layer.descriptor.size.to_string());
                format!("{by}{}", layer.unwrap_or_default())
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{steps} {count}");
        assert_eq!(found.fits, fits, "{steps} {count}");
    };
    check("", 0, "", true);
    check("", 2, "0 1", true);
    check("aBc", 2, "a0 B c1", true);
    check("AB", 0, "A B", true);
    // Which of them made the layer nobody knows.
    check("ab", 1, "a b 0", false);
    check("aB", 2, "a B 0 1", false);
    check("A", 1, "A 0", false);
}
