//! Bytes on disk: blobs, layer indexes, cache records.
