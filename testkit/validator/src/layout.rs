//! Reading an image of an OCI layout, with every digest and size checked.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use clap::Args;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Os, Scope, Stack, decompress};

#[derive(Args)]
pub(crate) struct Choice {
    /// The `org.opencontainers.image.ref.name`; not needed where there is one image.
    #[arg(long)]
    tag: Option<String>,
    /// `os/architecture`; not needed where there is one platform.
    #[arg(long)]
    platform: Option<String>,
    /// The exact `os.version`.
    #[arg(long)]
    os_version: Option<String>,
}

/// Checks an image and gives the number of problems.
pub(crate) fn check(dir: &Path, choice: &Choice, scope: &Scope) -> Result<usize, String> {
    let index = parse(&read(&dir.join("index.json"))?)?;
    let tagged: Vec<&Value> = array(&index, "manifests")?
        .iter()
        .filter(|d| {
            let name = &d["annotations"]["org.opencontainers.image.ref.name"];
            choice.tag.as_ref().is_none_or(|tag| name == tag.as_str())
        })
        .collect();
    let mut manifest = pick(dir, &tagged, choice)?;
    while manifest.get("manifests").is_some() {
        let all = array(&manifest, "manifests")?.iter().collect::<Vec<_>>();
        manifest = pick(dir, &all, choice)?;
    }
    let config = parse(&document(dir, &manifest["config"])?)?;
    let os = match config["os"].as_str() {
        Some("windows") => Os::Windows,
        Some("linux") => Os::Linux,
        other => return Err(format!("the config's os is {other:?}")),
    };
    let layers = array(&manifest, "layers")?;
    let diff_ids = array(&config["rootfs"], "diff_ids")?;
    let mut stack = Stack::new(os, scope);
    if layers.len() != diff_ids.len() {
        println!(
            "config: {} diff ids for {} layers",
            diff_ids.len(),
            layers.len()
        );
        stack.problems += 1;
    }
    for (at, (layer, diff_id)) in layers.iter().zip(diff_ids).enumerate() {
        check_layer(dir, layer, diff_id.as_str().unwrap_or_default(), &mut stack)
            .map_err(|error| format!("layer {at}: {error}"))?;
    }
    Ok(stack.problems)
}

fn check_layer(
    dir: &Path,
    layer: &Value,
    diff_id: &str,
    stack: &mut Stack<'_>,
) -> Result<(), String> {
    let digest = text(layer, "digest")?.to_owned();
    let path = blob(dir, &digest)?;
    let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let packed = Summed::new(file);
    let (packed_sum, packed_input) = (Rc::clone(&packed.sum), packed);
    let plain = Summed::new(decompress(packed_input).map_err(|error| error.to_string())?);
    let plain_sum = Rc::clone(&plain.sum);
    let name = format!("layer {} {}", stack.count, &digest[..digest.len().min(19)]);
    let mut plain = plain;
    stack.layer(&name, &mut plain);
    io::copy(&mut plain, &mut io::sink()).map_err(|error| error.to_string())?;
    let mut say = |wrong: bool, message: String| {
        if wrong {
            println!("{name}: {message}");
            stack.problems += 1;
        }
    };
    let (actual, size) = packed_sum.take().finish();
    say(actual != digest, format!("the blob's digest is {actual}"));
    say(
        layer["size"].as_u64() != Some(size),
        format!("the blob has {size} bytes"),
    );
    let (actual, _) = plain_sum.take().finish();
    say(
        actual != diff_id,
        format!("the diff id is {actual}, not {diff_id}"),
    );
    Ok(())
}

/// The one descriptor that the choice leaves, read.
fn pick(dir: &Path, descriptors: &[&Value], choice: &Choice) -> Result<Value, String> {
    let fits = |d: &&&Value| {
        let platform = &d["platform"];
        let name = |key| platform[key].as_str().unwrap_or_default();
        let own = format!("{}/{}", name("os"), name("architecture"));
        platform.is_null()
            || choice.platform.as_ref().is_none_or(|p| *p == own)
                && choice
                    .os_version
                    .as_ref()
                    .is_none_or(|v| *v == name("os.version"))
    };
    match descriptors.iter().filter(fits).collect::<Vec<_>>()[..] {
        [one] => parse(&document(dir, one)?),
        [] => Err("no image fits".into()),
        ref many => Err(format!(
            "{} images fit; choose by tag and platform",
            many.len()
        )),
    }
}

/// The bytes of a small blob, checked.
fn document(dir: &Path, descriptor: &Value) -> Result<Vec<u8>, String> {
    let digest = text(descriptor, "digest")?;
    let bytes = read(&blob(dir, digest)?)?;
    let mut sum = Sum::default();
    sum.update(&bytes);
    let (actual, size) = sum.finish();
    if actual != digest || descriptor["size"].as_u64() != Some(size) {
        return Err(format!("{digest}: the blob is {actual} of {size} bytes"));
    }
    Ok(bytes)
}

fn blob(dir: &Path, digest: &str) -> Result<std::path::PathBuf, String> {
    let hex = digest.strip_prefix("sha256:").filter(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    let hex = hex.ok_or_else(|| format!("{digest:?} is no digest"))?;
    Ok(dir.join("blobs/sha256").join(hex))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>, String> {
    value[key]
        .as_array()
        .ok_or_else(|| format!("no list {key:?}"))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, String> {
    value[key]
        .as_str()
        .ok_or_else(|| format!("no text {key:?}"))
}

#[derive(Default)]
struct Sum {
    hash: Sha256,
    size: u64,
}

impl Sum {
    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn finish(self) -> (String, u64) {
        let hex: String = self
            .hash
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        (format!("sha256:{hex}"), self.size)
    }
}

/// A reader that sums what passes.
struct Summed<R> {
    inner: R,
    sum: Rc<RefCell<Sum>>,
}

impl<R: Read> Summed<R> {
    fn new(inner: R) -> Summed<R> {
        Summed {
            inner,
            sum: Rc::default(),
        }
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.sum.borrow_mut().update(&buffer[..count]);
        Ok(count)
    }
}
