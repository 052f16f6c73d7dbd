"""``bvae-rl film``: an agent and its latents in motion.

``command`` is the command; ``alone`` is a film of one agent, ``beside`` one of two in one episode,
and ``panels`` are what both draw.
"""
