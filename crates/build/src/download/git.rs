//! Trees of git repositories.

use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossdock_image::GitUrl;
use crossdock_layer::{Codec, Compression};
use crossdock_remote::GitError;

use super::{Asked, Downloads, Held};
use crate::cache::{KeyHasher, Origin};
use crate::error::BuildError;
use crate::event::{Event, Meter, Work};
use crate::layers::Layer;
use crate::place::BlobPlace;
use crate::write::LayerSink;

impl Downloads<'_> {
    /// The tree that an address means now. Which commit that is, the server is asked each time,
    /// unless the address says it.
    pub(super) fn repository(&self, url: &GitUrl, asked: Asked<'_>) -> Result<Held, BuildError> {
        let failed = |source| BuildError::Git {
            asked: asked.who.to_owned(),
            source: Box::new(source),
        };
        let mut asked_for = KeyHasher::new("git address");
        asked_for.field(url.reveal().as_bytes());
        self.once(asked_for.finish(), || {
            let work = Work::named(format!("git {url}"));
            self.vertices
                .follow(self.events, work, Some(asked.stop), |vertex| {
                    let commit = self.git.resolve(url).map_err(failed)?;
                    let text = commit.id.to_string();
                    (self.events)(Event::Detail { vertex, text });
                    let mut key = KeyHasher::new("git");
                    key.field(commit.tree_key(url).as_bytes());
                    let key = key.finish();
                    if let Some(known) = self.recall(&key, &url.to_string())? {
                        return Ok((known, true));
                    }
                    let kept = |error| failed(GitError::Write { source: error });
                    let folder = self.store.scratch_folder();
                    let folder = folder.map_err(|source| failed(GitError::Folder { source }))?;
                    let codec = Codec::new(Compression::None);
                    let sink = LayerSink::new(self.store, codec, 1, kept)?;
                    let mut out = Watched {
                        inner: BufWriter::with_capacity(256 << 10, sink),
                        meter: Meter::new(self.events, vertex, 0),
                        stop: asked.stop,
                    };
                    let fetched = self.git.fetch(url, &commit, folder.path(), &mut out);
                    fetched.map_err(failed)?;
                    let sink = out.inner.into_inner();
                    let sink = sink.map_err(|error| kept(error.into_error()))?;
                    let (descriptor, index) = sink.finish(kept)?;
                    let place = BlobPlace::Store(self.store.clone());
                    let layer = Layer::new(descriptor, index.diff_id(), place, url.to_string());
                    let held = Held {
                        layer: Arc::new(layer.with_index(index)),
                        origin: Origin {
                            is_archive: true,
                            ..Origin::default()
                        },
                    };
                    self.keep(&key, &held)?;
                    Ok((held, false))
                })
        })
    }
}

/// Tells how much is written, and ends it when others failed.
struct Watched<'a, W> {
    inner: W,
    meter: Meter<'a>,
    stop: &'a AtomicBool,
}

impl<W: Write> Write for Watched<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(std::io::Error::other("stopped, as something else failed"));
        }
        self.inner.write_all(bytes)?;
        self.meter.add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
