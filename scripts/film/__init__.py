"""``bvae-rl film``: an agent and its latents in motion.

``command`` is the command; ``alone`` records one agent, ``beside`` two in one episode, each with a
picture of its own (``alone_picture``, ``beside_picture``); ``panels`` are what moves beside one.
"""
