//! A server of files by http, on this machine.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A file as it is served.
#[derive(Clone, Default)]
pub(crate) struct Served {
    pub(crate) body: Vec<u8>,
    pub(crate) etag: Option<&'static str>,
    pub(crate) last_modified: Option<&'static str>,
    /// Its length is not told.
    pub(crate) chunked: bool,
}

#[derive(Default)]
struct Shared {
    files: HashMap<String, Served>,
    asked: Vec<String>,
}

/// Serves until the process ends.
pub(crate) struct Server {
    address: String,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = Arc::clone(&served);
                // Whoever asks may have gone.
                std::thread::spawn(move || drop(answer(stream.unwrap(), &served)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn serve(&self, path: &str, file: Served) {
        let path = format!("/{path}");
        self.shared.lock().unwrap().files.insert(path, file);
    }

    pub(crate) fn serve_bytes(&self, path: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref().to_vec();
        self.serve(
            path,
            Served {
                body,
                ..Served::default()
            },
        );
    }

    pub(crate) fn remove(&self, path: &str) {
        self.shared
            .lock()
            .unwrap()
            .files
            .remove(&format!("/{path}"));
    }

    /// What was asked for since the last time: `/path 200`.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut self.shared.lock().unwrap().asked);
        asked.sort();
        asked
    }
}

fn answer(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let file = shared.lock().unwrap().files.get(&path).cloned();
    let status = match &file {
        None => 404,
        Some(file) => {
            let same = |mine: Option<&str>, name: &str| {
                mine.is_some() && headers.get(name).map(String::as_str) == mine
            };
            let is_same = match headers.contains_key("if-none-match") {
                true => same(file.etag, "if-none-match"),
                false => same(file.last_modified, "if-modified-since"),
            };
            if is_same { 304 } else { 200 }
        }
    };
    shared
        .lock()
        .unwrap()
        .asked
        .push(format!("{path} {status}"));
    let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
    let file = file.unwrap_or_default();
    for (name, value) in [("ETag", file.etag), ("Last-Modified", file.last_modified)] {
        head.extend(value.map(|value| format!("{name}: {value}\r\n")));
    }
    let mut body = match status {
        200 => file.body,
        _ => Vec::new(),
    };
    if file.chunked && status == 200 {
        head.push_str("Transfer-Encoding: chunked\r\n");
        let size = format!("{:x}\r\n", body.len());
        body = [size.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    } else {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let mut stream = reader.into_inner();
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(&body)
}
