//! Dockerfile syntax: parser, expansion, ignore files, lowering.
