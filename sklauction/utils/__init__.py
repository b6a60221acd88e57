"""Tools that know nothing of auctions: checks, batches, callbacks, tests of samples, versions."""
