//! Files by http.

use std::io::{self, BufWriter, Read, Seek as _};
use std::sync::Arc;

use crossdock_image::{Digest, HttpUrl};
use crossdock_layer::{
    Codec, Compression, Content, EPOCH_1980, Entry, Header, Kind, LayerFormat, Name, StackError,
    TarKind, TarWriter, Timestamp, Tree,
};
use crossdock_remote::{FetchRequest, Fetched, FetchedBody, FetchedContent};

use super::{Asked, Downloads, Held, fetch_error, keep_error};
use crate::cache::{KeyHasher, Origin};
use crate::error::BuildError;
use crate::event::{Meter, Work};
use crate::layers::{Counted, Layer};
use crate::place::BlobPlace;
use crate::tar_blob::{Incoming, keep_tar};
use crate::write::LayerSink;

/// The name of a file that came instead of a context, as in BuildKit.
pub(super) const NAME: &str = "context";

impl Downloads<'_> {
    /// A file, as a blob with one entry.
    pub(super) fn file(
        &self,
        url: &HttpUrl,
        checksum: Option<Digest>,
        asked: Asked<'_>,
    ) -> Result<Held, BuildError> {
        let key = key("file", url);
        let held = self.once(key, || {
            let known = self.recall(&key, &url.to_string())?;
            if let Some(known) = &known
                && checksum.is_some_and(|checksum| known.origin.has(&checksum))
            {
                // The same bytes: whether the server has others is of no interest.
                return Ok(known.clone());
            }
            self.get(url, known, asked, &key, checksum, false)
        })?;
        self.check(url, checksum, &held, asked)?;
        Ok(held)
    }

    /// A tar as it came, or another file as a blob with one entry.
    pub(super) fn archive(&self, url: &HttpUrl, asked: Asked<'_>) -> Result<Held, BuildError> {
        let key = key("archive", url);
        self.once(key, || {
            let known = self.recall(&key, &url.to_string())?;
            self.get(url, known, asked, &key, None, true)
        })
    }

    /// Asks for a file, which is sent if it is another one than `known`.
    fn get(
        &self,
        url: &HttpUrl,
        known: Option<Held>,
        asked: Asked<'_>,
        key: &[u8; 32],
        checksum: Option<Digest>,
        archive: bool,
    ) -> Result<Held, BuildError> {
        let work = Work::named(format!("download {url}"));
        self.vertices
            .follow(self.events, work, Some(asked.stop), |vertex| {
                let origin = known.as_ref().map(|known| &known.origin);
                let request = FetchRequest {
                    url: url.clone(),
                    if_none_match: origin.and_then(|origin| origin.etag.clone()),
                    if_modified_since: origin.and_then(|origin| origin.last_modified.clone()),
                };
                let fetched = self.fetcher.get(&request);
                let fetched = fetched.map_err(|source| BuildError::Fetch {
                    asked: asked.who.to_owned(),
                    source: Box::new(source),
                })?;
                let content = match (fetched, known) {
                    (Fetched::Content(content), _) => content,
                    (Fetched::NotModified, Some(known)) => return Ok((known, true)),
                    // Only who has something is told that it is the same.
                    (Fetched::NotModified, None) => {
                        let error = io::Error::other("the server answers what was not asked");
                        return Err(fetch_error(asked, url, error));
                    }
                };
                let meter = Meter::new(self.events, vertex, content.size.unwrap_or(0));
                let held = self.receive(url, *content, meter, archive, asked)?;
                // What is not what it should be is not kept either.
                self.check(url, checksum, &held, asked)?;
                self.keep(key, &held)?;
                Ok((held, false))
            })
    }

    fn receive(
        &self,
        url: &HttpUrl,
        content: FetchedContent,
        meter: Meter<'_>,
        archive: bool,
        asked: Asked<'_>,
    ) -> Result<Held, BuildError> {
        let most = self.limits.uncompressed;
        if content.size.is_some_and(|size| size > most) {
            return Err(too_large(url, asked, most));
        }
        let mut origin = Origin {
            etag: content.etag,
            last_modified: content.last_modified,
            modified: content.modified,
            ..Origin::default()
        };
        let (mut body, size) = (content.body, content.size);
        let counted = Counted::new(&mut body, meter, asked.stop);
        let failed = |error| fetch_error(asked, url, error);
        let layer = if archive {
            let incoming = Incoming::new(counted).map_err(failed)?;
            origin.is_archive = incoming.is_archive();
            match origin.is_archive {
                true => {
                    let name = url.to_string();
                    keep_tar(self.store, &self.limits, &name, incoming)
                        .map_err(|error| keep_error(asked, url, error))?
                }
                false => self.wrap(url, incoming.into_inner(), size, asked)?,
            }
        } else {
            self.wrap(url, counted, size, asked)?
        };
        origin.digest = Some(body.digest().to_string());
        Ok(Held { layer, origin })
    }

    /// Puts a file into a tar of its own.
    fn wrap(
        &self,
        url: &HttpUrl,
        mut body: impl Read,
        size: Option<u64>,
        asked: Asked<'_>,
    ) -> Result<Arc<Layer>, BuildError> {
        let failed = |error| fetch_error(asked, url, error);
        let Some(size) = size else {
            // A header comes before its file, and says how long that is.
            let most = self.limits.uncompressed;
            let mut spool = self.store.spool().map_err(failed)?;
            let mut limited = body.take(most.saturating_add(1));
            let size = io::copy(&mut limited, &mut spool).map_err(failed)?;
            if size > most {
                return Err(too_large(url, asked, most));
            }
            spool.rewind().map_err(failed)?;
            return self.wrap(url, spool, Some(size), asked);
        };
        let codec = Codec::new(Compression::None);
        let sink = LayerSink::new(self.store, codec, 1, failed)?;
        let mut tar = TarWriter::new(BufWriter::with_capacity(256 << 10, sink));
        let mut header = Header::new(TarKind::File, NAME);
        header.mode = 0o600;
        header.size = size;
        header.modified = Timestamp::from_seconds(EPOCH_1980);
        tar.header(&header).map_err(failed)?;
        tar.content(&mut body, size).map_err(failed)?;
        let sink = tar.finish().map_err(failed)?;
        let sink = sink
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let (descriptor, index) = sink.finish(failed)?;
        let place = BlobPlace::Store(self.store.clone());
        let layer = Layer::new(descriptor, index.diff_id(), place, url.to_string());
        Ok(Arc::new(layer.with_index(index)))
    }

    /// Reads a small file, which is not kept.
    pub(crate) fn small_file(&self, url: &HttpUrl, limit: u64) -> Result<Vec<u8>, BuildError> {
        let stop = std::sync::atomic::AtomicBool::new(false);
        let asked = Asked {
            who: "-f",
            stop: &stop,
        };
        let fetched = self.fetcher.get(&FetchRequest::new(url.clone()));
        let fetched = fetched.map_err(|source| BuildError::Fetch {
            asked: asked.who.to_owned(),
            source: Box::new(source),
        })?;
        let body: Option<FetchedBody> = match fetched {
            Fetched::Content(content) => Some(content.body),
            Fetched::NotModified => None,
        };
        let mut bytes = Vec::new();
        if let Some(body) = body {
            let mut limited = body.take(limit.saturating_add(1));
            let read = limited.read_to_end(&mut bytes);
            read.map_err(|error| fetch_error(asked, url, error))?;
        }
        Ok(bytes)
    }

    fn check(
        &self,
        url: &HttpUrl,
        checksum: Option<Digest>,
        held: &Held,
        asked: Asked<'_>,
    ) -> Result<(), BuildError> {
        match checksum {
            Some(expected) if !held.origin.has(&expected) => Err(BuildError::Checksum {
                asked: asked.who.to_owned(),
                url: url.to_string(),
                expected,
                found: held.origin.digest.clone().unwrap_or_default(),
            }),
            _ => Ok(()),
        }
    }
}

fn too_large(url: &HttpUrl, asked: Asked<'_>, limit: u64) -> BuildError {
    BuildError::FetchedTooLarge {
        asked: asked.who.to_owned(),
        url: url.to_string(),
        limit,
    }
}

/// What is kept of an address, with the password that may be in it: another may see another file.
fn key(what: &str, url: &HttpUrl) -> [u8; 32] {
    let mut key = KeyHasher::new("download");
    key.field(what.as_bytes());
    key.field(url.reveal().as_bytes());
    key.finish()
}

impl Held {
    /// The tree with the file, by the name `name`: mode 0600, as in docker.
    pub(super) fn file_tree(&self, name: &str, time: Timestamp) -> Result<Tree, StackError> {
        let blob = self.unpacked()?;
        let mut tree = Tree::empty(LayerFormat::Linux);
        let kind = blob
            .lookup(blob.root(), NAME.as_bytes(), false)
            .ok()
            .and_then(|node| blob.entry(node))
            .map_or(Kind::File(Content::empty()), |entry| entry.kind);
        let entry = Entry::new(kind, 0o600, time, LayerFormat::Linux);
        tree.insert(tree.root(), &Name::plain(name), entry);
        Ok(tree)
    }
}
