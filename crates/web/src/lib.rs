//! Health and metrics over HTTPS.
