"""Commands of ``bvae-rl``: one file and one dataclass each; ``main(args)`` assembles parts."""
