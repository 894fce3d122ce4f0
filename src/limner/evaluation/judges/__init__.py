"""Networks that judge: trained by the same loop, on real train sequences only; never on generated ones, never on test people."""
