//! The cryptography in use: aws-lc-rs with our list of suites, passed explicitly, never a process-wide default.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

/// TLS 1.2 must be offered, 1.3 is in addition (R-SMTP-6); nothing older exists here.
pub(crate) const VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// For diagnosis: what a server makes of each.
pub(super) const TLS12_ONLY: &[&SupportedProtocolVersion] = &[&TLS12];
pub(super) const TLS13_ONLY: &[&SupportedProtocolVersion] = &[&TLS13];

/// R-SMTP-7, as far as authenticated encryption goes: of its four suites the two with CBC are left out. The ECDSA
/// sisters serve peers that show an ECDSA certificate. Every TLS 1.3 stack has AES-128-GCM (RFC 8446 §9.1), so that
/// staying with AES-GCM there too locks nobody out.
const SUITES: &[SupportedCipherSuite] = &[
    aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
];

/// The provider that every configuration of ours is built with.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: SUITES.to_vec(), ..aws_lc_rs::default_provider() })
}
