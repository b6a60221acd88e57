"""Learned auctions: the estimator around training, and the training loop on skorch."""
