"""Where each model looked: HiResCAM for CNNs, attention rollout for transformers.

A map explains a model and not the picture: it says which places an answer hangs on,
and not whether the answer is right. ``explainer`` maps every method of a predictor,
by ``hires_cam`` (averaged by ``shifted``) or ``attention_rollout``, and ``occlusion``
checks each map.
"""
