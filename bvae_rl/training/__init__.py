"""How a Beta-VAE is trained.

Read ``pretrain`` (the loop) first, then ``trainer`` (one step), ``objectives`` (one file each),
``schedules`` (of beta) and ``batches`` (what a step sees).
"""
