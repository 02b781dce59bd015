//! script_request.
