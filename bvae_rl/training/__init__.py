"""How a Beta-VAE is trained.

Read ``pretrain`` (the front door) first, then ``loop`` (a whole training), ``trainer`` (one step),
``objectives`` (one file each), ``recipes`` (an objective with its hyperparameters and latents),
``schedules`` and ``annealing`` (of beta), ``batches`` (what a step sees), ``hardening`` (the last
phase). ``verdict`` and ``pictures`` say what a VAE shows.
"""
