//! The only writer of files: atomic, durable (FAT32 too), resumable.
