//! A registry in this process, over HTTP/1.1 of its own, that misbehaves as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use crossdock_image::{BlobDigest, Descriptor, Digest};

/// What a client asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.path.contains(part)
    }
}

/// What it is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The connection ends after so many bytes of the body.
    cut: Option<usize>,
    /// The body is sent in chunks, without a length.
    chunked: bool,
    /// Where it would be cut, nothing happens for a while instead.
    stall: bool,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn error(self, code: &str, message: &str) -> Self {
        self.body(format!(
            "{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"{message}\",\"detail\":{{}}}}]}}"
        ))
    }

    pub(crate) fn cut(mut self, at: usize) -> Self {
        self.cut = Some(at);
        self
    }

    pub(crate) fn stall(mut self) -> Self {
        self.stall = true;
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }
}

type Rule = Box<dyn FnMut(&Asked) -> Option<Answer> + Send>;

#[derive(Default)]
pub(crate) struct State {
    /// By `repository:tag` and `repository@digest`.
    pub(crate) manifests: BTreeMap<String, (String, Vec<u8>)>,
    /// By `repository@digest`.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    pub(crate) uploads: BTreeMap<String, Vec<u8>>,
    pub(crate) log: Vec<Asked>,
    /// The next requests that send a body are cut after so many bytes.
    pub(crate) cuts: VecDeque<usize>,
    rules: Vec<Rule>,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    pub(crate) fn start_tls(config: rustls::ServerConfig) -> Self {
        Self::start_with(Some(Arc::new(config)))
    }

    fn start_with(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = Self {
            address: listener.local_addr().expect("its address"),
            state: Arc::default(),
        };
        let accepting = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, tls) = (accepting.clone(), tls.clone());
                thread::spawn(move || {
                    let _ = match tls {
                        None => server.serve(stream),
                        Some(config) => rustls::ServerConnection::new(config)
                            .map_err(io::Error::other)
                            .and_then(|tls| server.serve(rustls::StreamOwned::new(tls, stream))),
                    };
                });
            }
        });
        server
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panicked in a rule")
    }

    /// Answers what `rule` wants to answer; the newest rule is asked first.
    pub(crate) fn on(&self, rule: impl FnMut(&Asked) -> Option<Answer> + Send + 'static) {
        self.state().rules.insert(0, Box::new(rule));
    }

    /// Answers the first `count` requests of `method` for paths with `part` in them.
    pub(crate) fn first(
        &self,
        count: usize,
        method: &'static str,
        part: &'static str,
        answer: Answer,
    ) {
        let mut left = count;
        self.on(move |asked| {
            let mine = left > 0 && asked.is(method, part);
            left -= usize::from(mine);
            mine.then(|| answer.clone())
        });
    }

    pub(crate) fn log(&self) -> Vec<Asked> {
        self.state().log.clone()
    }

    /// How many requests of `method` there were for paths with `part` in them.
    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        let log = self.log();
        log.iter().filter(|asked| asked.is(method, part)).count()
    }

    pub(crate) fn put_blob(&self, repository: &str, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of("application/octet-stream", bytes);
        let key = format!("{repository}@{}", descriptor.digest);
        self.state().blobs.insert(key, bytes.to_vec());
        descriptor
    }

    pub(crate) fn blob(&self, repository: &str, descriptor: &Descriptor) -> Option<Vec<u8>> {
        let key = format!("{repository}@{}", descriptor.digest);
        self.state().blobs.get(&key).cloned()
    }

    pub(crate) fn put_manifest(
        &self,
        repository: &str,
        tag: &str,
        kind: &str,
        bytes: &[u8],
    ) -> Descriptor {
        let descriptor = Descriptor::of(kind, bytes);
        let entry = (kind.to_owned(), bytes.to_vec());
        let mut state = self.state();
        let tagged = format!("{repository}:{tag}");
        state.manifests.insert(tagged, entry.clone());
        let named = format!("{repository}@{}", descriptor.digest);
        state.manifests.insert(named, entry);
        descriptor
    }

    fn serve(&self, stream: impl Read + Write) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        // A TLS client: what Go's server says to it.
        if stream.fill_buf()?.first() == Some(&0x16) {
            return stream.get_mut().write_all(
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n",
            );
        }
        while let Some(mut asked) = read_head(&mut stream)? {
            let length: usize = asked.header("content-length").parse().unwrap_or(0);
            let sends = length > 0 && matches!(asked.method.as_str(), "PATCH" | "PUT");
            let cut = if sends {
                self.state().cuts.pop_front()
            } else {
                None
            };
            asked.body = vec![0; cut.map_or(length, |cut| cut.min(length))];
            stream.read_exact(&mut asked.body)?;
            if cut.is_some() {
                let mut state = self.state();
                state.log.push(asked.clone());
                // What came of a chunk stays; a body that was to be all of it does not.
                if asked.method == "PATCH" {
                    let id = upload_id(&asked.path).to_owned();
                    state.uploads.entry(id).or_default().extend(&asked.body);
                }
                return Ok(());
            }
            let answer = {
                let mut state = self.state();
                state.log.push(asked.clone());
                let mut rules = std::mem::take(&mut state.rules);
                let ruled = rules.iter_mut().find_map(|rule| rule(&asked));
                state.rules = rules;
                ruled.unwrap_or_else(|| state.answer(&asked))
            };
            if !write_answer(stream.get_mut(), &asked, &answer)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn read_head(stream: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut asked = Asked {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        ..Asked::default()
    };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok(Some(asked));
        };
        asked
            .headers
            .insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

/// Whether the connection may go on.
fn write_answer(stream: &mut impl Write, asked: &Asked, answer: &Answer) -> io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let has_length = answer
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    if answer.chunked {
        head.push_str("transfer-encoding: chunked\r\n");
    } else if !has_length && answer.status != 204 {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if asked.method != "HEAD" {
        let end = answer.cut.unwrap_or(answer.body.len());
        let body = &answer.body[..end];
        if answer.chunked {
            stream.write_all(format!("{:x}\r\n", body.len()).as_bytes())?;
            stream.write_all(body)?;
            stream.write_all(b"\r\n0\r\n\r\n")?;
        } else {
            stream.write_all(body)?;
        }
    }
    stream.flush()?;
    if answer.stall {
        thread::sleep(std::time::Duration::from_secs(2));
    }
    Ok(answer.cut.is_none())
}

fn upload_id(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

impl State {
    /// A registry that behaves.
    fn answer(&mut self, asked: &Asked) -> Answer {
        let Some(rest) = asked.path.strip_prefix("/v2/") else {
            return Answer::new(404);
        };
        if rest.is_empty() {
            return Answer::new(200).body("{}");
        }
        if let Some((repository, name)) = rest.split_once("/manifests/") {
            return self.manifest(asked, repository, name);
        }
        if let Some((repository, id)) = rest.split_once("/blobs/uploads/") {
            return self.upload(asked, repository, id);
        }
        let Some((repository, digest)) = rest.split_once("/blobs/") else {
            return Answer::new(404);
        };
        let Some(bytes) = self.blobs.get(&format!("{repository}@{digest}")) else {
            return Answer::new(404).error("BLOB_UNKNOWN", "blob unknown to registry");
        };
        ranged(asked, bytes)
    }

    fn manifest(&mut self, asked: &Asked, repository: &str, name: &str) -> Answer {
        let separator = if name.contains(':') { '@' } else { ':' };
        let key = format!("{repository}{separator}{name}");
        if asked.method == "PUT" {
            let entry = (asked.header("content-type").to_owned(), asked.body.clone());
            let digest = Digest::of(&asked.body);
            let by_digest = format!("{repository}@{digest}");
            self.manifests.insert(by_digest, entry.clone());
            self.manifests.insert(key, entry);
            return Answer::new(201).header("Docker-Content-Digest", digest);
        }
        match self.manifests.get(&key) {
            None => Answer::new(404).error("MANIFEST_UNKNOWN", "manifest unknown"),
            Some((kind, bytes)) => Answer::new(200)
                .header("Content-Type", kind)
                .header("Docker-Content-Digest", Digest::of(bytes))
                .body(bytes.clone()),
        }
    }

    fn upload(&mut self, asked: &Asked, repository: &str, id: &str) -> Answer {
        let location = |id: &str| format!("/v2/{repository}/blobs/uploads/{id}?_state=s%3Ds");
        if asked.method == "POST" {
            let parameter = |name: &str| {
                let mut pairs = asked
                    .query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='));
                let found = pairs.find(|(key, _)| *key == name);
                found.map(|(_, value)| value.replace("%3A", ":").replace("%2F", "/"))
            };
            if let (Some(digest), Some(from)) = (parameter("mount"), parameter("from"))
                && let Some(bytes) = self.blobs.get(&format!("{from}@{digest}")).cloned()
            {
                self.blobs.insert(format!("{repository}@{digest}"), bytes);
                return Answer::new(201).header("Location", "/");
            }
            let id = format!("u{}", self.log.len());
            self.uploads.insert(id.clone(), Vec::new());
            return Answer::new(202).header("Location", location(&id));
        }
        let Some(upload) = self.uploads.get_mut(id) else {
            return Answer::new(404).error("BLOB_UPLOAD_UNKNOWN", "upload unknown");
        };
        assert!(asked.query.starts_with("_state=s%3Ds"), "{}", asked.query);
        let range = |upload: &[u8]| format!("0-{}", upload.len().saturating_sub(1));
        match asked.method.as_str() {
            "GET" => Answer::new(204)
                .header("Location", location(id))
                .header("Range", range(upload)),
            "PATCH" => {
                let start = asked.header("content-range").split('-').next();
                if start != Some(&upload.len().to_string()) {
                    return Answer::new(416).header("Range", range(upload));
                }
                upload.extend(&asked.body);
                Answer::new(202)
                    .header("Location", location(id))
                    .header("Range", range(upload))
            }
            _ => {
                upload.extend(&asked.body);
                let digest = BlobDigest::new(Digest::of(upload));
                let escaped = digest.to_string().replace(':', "%3A");
                if !asked.query.ends_with(&format!("&digest={escaped}")) {
                    return Answer::new(400).error("DIGEST_INVALID", "digest did not match");
                }
                let bytes = self.uploads.remove(id).unwrap_or_default();
                self.blobs.insert(format!("{repository}@{digest}"), bytes);
                Answer::new(201).header("Docker-Content-Digest", digest)
            }
        }
    }
}

/// `bytes`, or the part of them that is asked for.
pub(crate) fn ranged(asked: &Asked, bytes: &[u8]) -> Answer {
    let start = asked
        .header("range")
        .strip_prefix("bytes=")
        .and_then(|range| range.strip_suffix('-')?.parse::<usize>().ok());
    match start {
        None => Answer::new(200).body(bytes),
        Some(start) if start >= bytes.len() => Answer::new(416),
        Some(start) => Answer::new(206)
            .header(
                "Content-Range",
                format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()),
            )
            .body(&bytes[start..]),
    }
}

/// A proxy that leads every CONNECT to `target`. Gives its address and what it was asked.
pub(crate) fn proxy(target: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<Asked>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&log);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            let Ok(Some(asked)) = read_head(&mut reader) else {
                continue;
            };
            kept.lock().expect("a lock").push(asked);
            let mut client = stream;
            let server = TcpStream::connect(target).expect("the target");
            client
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .expect("an answer");
            let mut to_server = server.try_clone().expect("a second handle");
            thread::spawn(move || io::copy(&mut reader, &mut to_server));
            let mut from_server = server;
            thread::spawn(move || {
                let _ = io::copy(&mut from_server, &mut client);
                client.shutdown(std::net::Shutdown::Both)
            });
        }
    });
    (address, log)
}
