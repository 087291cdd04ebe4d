//! A trust space in a folder: test CA, whitelist, operators, patients, bad peers, and the demo's story.
