//! Order: resolve, schedule, perform, assemble images.
