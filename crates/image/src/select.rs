//! Choosing an image of an index by platform.

use std::cmp::Reverse;
use std::fmt;

use crate::{Descriptor, Index, MediaType, OsVersion, Platform};

/// No image of an index fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectError {
    /// What was asked for.
    pub wanted: Box<Platform>,
    /// The platforms that there are, in the index's order.
    pub available: Vec<Platform>,
}

impl std::error::Error for SelectError {}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no image for {}", self.wanted)?;
        if self.available.is_empty() {
            return f.write_str("; the index names no platforms");
        }
        f.write_str("; there are ")?;
        for (place, platform) in self.available.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{platform}")?;
        }
        Ok(())
    }
}

/// Chooses the image (or nested index) of `index` that fits `wanted` best.
///
/// - Operating system and architecture must be equal after normalisation. Another architecture
///   is never chosen, although amd64 runs 386: a build for it would not be what was asked for.
/// - The variant may be an older one that the wanted one runs, as in containerd: arm/v7 takes
///   v7, v6, v5 in this order, amd64/v3 takes v3, v2, v1; arm64/v9.1 takes v9.1, v9, v8.6 … v8.
/// - `os.version` of Windows: an image without one fits everything; a wanted build below 20348
///   fits only the same build; a later one runs images from the long-term release before it
///   (20348, 26100) up to itself. Revisions do not decide whether an image fits.
/// - `os.features` that are wanted must be there.
///
/// Among several: the nearest variant, the wanted version to the last number, the highest
/// version (as numbers), the fewest features that were not asked for, the first. Attestations
/// are passed over. An index with a single entry without platform gives that entry: only the
/// config can tell its platform. Entries of nested indexes are the caller's matter.
pub fn select<'a>(index: &'a Index, wanted: &Platform) -> Result<&'a Descriptor, SelectError> {
    let normal = wanted.clone().normalised();
    let images = || index.manifests().iter().filter(|entry| is_image(entry));
    let best = images()
        .filter_map(|entry| {
            let rank = rank(&entry.platform.clone()?.normalised(), &normal)?;
            Some((rank, entry))
        })
        // `max_by_key` would take the last of equals.
        .min_by(|(left, _), (right, _)| right.cmp(left));
    if let Some((_, entry)) = best {
        return Ok(entry);
    }
    let mut all = images();
    match (all.next(), all.next()) {
        (Some(only), None) if only.platform.is_none() => Ok(only),
        _ => Err(SelectError {
            wanted: Box::new(wanted.clone()),
            available: images()
                .filter_map(|entry| entry.platform.clone())
                .collect(),
        }),
    }
}

/// Whether an image for `found` is one that [`select`] may choose for `wanted`.
pub fn fits(found: &Platform, wanted: &Platform) -> bool {
    rank(&found.clone().normalised(), &wanted.clone().normalised()).is_some()
}

fn is_image(entry: &Descriptor) -> bool {
    let known = MediaType::parse(&entry.media_type);
    // Some old tools leave the media type out.
    (entry.media_type.is_empty() || known.is_some_and(|kind| kind.is_manifest() || kind.is_index()))
        && !entry.is_attestation()
}

/// How well an image fits, greater is better.
type Rank = (Reverse<usize>, bool, Option<OsVersion>, Reverse<usize>);

/// `None` if `found` does not fit `wanted`. Both are normalised.
fn rank(found: &Platform, wanted: &Platform) -> Option<Rank> {
    if found.os != wanted.os || found.architecture != wanted.architecture {
        return None;
    }
    let variant = variants(wanted)
        .iter()
        .position(|variant| *variant == variant_number(found))?;
    if !version_fits(found, wanted) {
        return None;
    }
    let has = |feature: &String| found.os_features.contains(feature);
    if !wanted.os_features.iter().all(has) {
        return None;
    }
    let asked = |feature: &&String| wanted.os_features.contains(*feature);
    let extra = found.os_features.iter().filter(|f| !asked(f)).count();
    Some((
        Reverse(variant),
        !wanted.os_version.is_empty() && found.os_version == wanted.os_version,
        OsVersion::parse(&found.os_version),
        Reverse(extra),
    ))
}

/// A variant that may be compared: `(9, 1)` for `v9.1`; otherwise its text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Variant {
    Number(u32, u32),
    Text(String),
}

fn variant_number(platform: &Platform) -> Variant {
    // What no variant means: platforms are normalised, so arm always has one.
    let text = match (platform.architecture.as_str(), platform.variant.as_str()) {
        ("amd64", "") => "v1",
        ("arm64", "") => "v8",
        (_, variant) => variant,
    };
    let number = |digits: &str| -> Option<u32> {
        let digits_only = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .parse()
            .ok()
            .filter(|_| digits_only && digits.len() < 4)
    };
    let parsed = text.strip_prefix('v').and_then(|rest| {
        let (major, minor) = rest.split_once('.').unwrap_or((rest, "0"));
        Some(Variant::Number(number(major)?, number(minor)?))
    });
    parsed.unwrap_or_else(|| Variant::Text(text.to_owned()))
}

/// The variants that run where `wanted` runs, best first (containerd, platforms/compare.go).
fn variants(wanted: &Platform) -> Vec<Variant> {
    let own = variant_number(wanted);
    let &Variant::Number(major, minor) = &own else {
        return vec![own];
    };
    let down = |major, from: u32| (0..=from).rev().map(move |m| Variant::Number(major, m));
    match (wanted.architecture.as_str(), major) {
        ("arm", 5..) if minor == 0 => (5..=major).rev().map(|v| Variant::Number(v, 0)).collect(),
        ("amd64", 1..) if minor == 0 => (1..=major).rev().map(|v| Variant::Number(v, 0)).collect(),
        // v9.x diverged from v8.(x+5).
        ("arm64", 9) => down(9, minor).chain(down(8, minor + 5)).collect(),
        ("arm64", _) => down(major, minor).collect(),
        _ => vec![own],
    }
}

/// Windows Server 2022, the first release whose containers outlive their host's build.
const FIRST_STABLE_BUILD: u64 = 20_348;
/// Long-term releases, ascending.
const LONG_TERM_BUILDS: [u64; 2] = [FIRST_STABLE_BUILD, 26_100];

/// Whether an image of `found.os.version` runs on a host of `wanted.os.version` (hcsshim,
/// osversion/platform_compat_windows.go).
fn version_fits(found: &Platform, wanted: &Platform) -> bool {
    if found.os_version.is_empty() || wanted.os_version.is_empty() {
        return true;
    }
    if !wanted.is_windows() {
        return found.os_version == wanted.os_version;
    }
    let parse = |platform: &Platform| OsVersion::parse(&platform.os_version);
    let (Some(image), Some(host)) = (parse(found), parse(wanted)) else {
        return found.os_version == wanted.os_version;
    };
    let (Some(image_build), Some(host_build)) = (image.build(), host.build()) else {
        return image.starts_with(&host);
    };
    if image.major_minor() != host.major_minor() {
        return false;
    }
    if host_build < FIRST_STABLE_BUILD {
        return image_build == host_build;
    }
    // A long-term release runs images from the one before it on.
    let oldest = LONG_TERM_BUILDS
        .into_iter()
        .rfind(|release| host_build > *release)
        .unwrap_or(FIRST_STABLE_BUILD);
    (oldest..=host_build).contains(&image_build)
}

#[cfg(test)]
mod tests;
