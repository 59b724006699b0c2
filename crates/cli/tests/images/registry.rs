//! A registry on this machine that serves the documents of a store and writes down what is asked.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Serves until the process ends.
pub(crate) struct Registry {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Registry {
    /// Serves the blobs of an image layout; tags are the parts of names behind the last colon.
    pub(crate) fn start(layout: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (layout, log) = (layout.clone(), Arc::clone(&log));
                // Whoever asks may have gone.
                std::thread::spawn(move || drop(answer(stream.unwrap(), &layout, &log)));
            }
        });
        Self { address, asked }
    }

    /// What was asked for since the last time, by the last part of its address.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked.dedup();
        asked
    }
}

fn answer(stream: TcpStream, layout: &Path, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default();
    let path = words.next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_manifest = path.contains("/manifests/");
    if is_manifest || path.contains("/blobs/") {
        log.lock().unwrap().push(name.to_owned());
    }
    let digest = match name.starts_with("sha256:") {
        true => name.to_owned(),
        false => tagged(layout, name).unwrap_or_default(),
    };
    let file = layout.join("blobs").join(digest.replace(':', "/"));
    let body = fs::read(file).unwrap_or_default();
    let (status, media_type) = match (path, body.is_empty()) {
        ("/v2/", _) => (200, String::new()),
        (_, true) => (404, String::new()),
        (_, false) if is_manifest => (200, media_type(&body)),
        (_, false) => (200, "application/octet-stream".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: {media_type}\r\nDocker-Content-Digest: {digest}\r\n\r\n",
        body.len()
    );
    let mut stream = reader.into_inner();
    stream.write_all(head.as_bytes())?;
    match method {
        "HEAD" => Ok(()),
        _ => stream.write_all(&body),
    }
}

/// The digest of what the layout has under this tag.
fn tagged(layout: &Path, tag: &str) -> Option<String> {
    let index = fs::read(layout.join("index.json")).ok()?;
    let index: Value = serde_json::from_slice(&index).ok()?;
    let mut entries = index["manifests"].as_array()?.iter();
    let found = entries.find(|entry| {
        let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
        name.as_str().and_then(|name| name.rsplit(':').next()) == Some(tag)
    })?;
    Some(found["digest"].as_str()?.to_owned())
}

fn media_type(document: &[u8]) -> String {
    let document: Value = serde_json::from_slice(document).unwrap();
    document["mediaType"].as_str().unwrap().to_owned()
}
