"""Methods: each loss, weight and sampler, played with."""
