"""The MiniGrid and BabyAI worlds that are registered as ``bvae_rl/<id>``, and their frame sizes.

All ids of minigrid but out-of-date versions and its ``WFC`` worlds, whose patterns the package does
not ship. The size is the least multiple of 16 from 64 on in which each cell shows what is in it.
"""

# Frame size, library, and names: "DoorKey-8x8" is MiniGrid-DoorKey-8x8-v0.
_NAMES = {
    64: {
        "MiniGrid": """
            BlockedUnlockPickup LavaCrossingS9N1 LavaCrossingS9N2 LavaCrossingS9N3 LavaCrossingS11N5
            SimpleCrossingS9N1 SimpleCrossingS9N2 SimpleCrossingS9N3 SimpleCrossingS11N5 DistShift1
            DistShift2 DoorKey-5x5 DoorKey-6x6 DoorKey-8x8 Dynamic-Obstacles-5x5
            Dynamic-Obstacles-Random-5x5 Dynamic-Obstacles-6x6 Dynamic-Obstacles-Random-6x6
            Dynamic-Obstacles-8x8 Dynamic-Obstacles-16x16 Empty-5x5 Empty-Random-5x5 Empty-6x6
            Empty-Random-6x6 Empty-8x8 Empty-16x16 Fetch-5x5-N2 Fetch-6x6-N2 Fetch-8x8-N3 FourRooms
            GoToDoor-5x5 GoToDoor-6x6 GoToDoor-8x8 GoToObject-6x6-N2 GoToObject-8x8-N2
            KeyCorridorS3R1 KeyCorridorS3R2 KeyCorridorS3R3 KeyCorridorS4R3 LavaGapS5 LavaGapS6
            LavaGapS7 MemoryS17Random MemoryS13Random MemoryS13 MemoryS11 MemoryS9 MemoryS7
            ObstructedMaze-1Dl ObstructedMaze-1Dlh ObstructedMaze-1Dlhb PutNear-6x6-N2
            PutNear-8x8-N3 RedBlueDoors-6x6 Unlock UnlockPickup
        """,
        "BabyAI": """
            GoToRedBallGrey GoToRedBall GoToRedBallNoDists GoToObj GoToObjS4 GoToObjS6-v1 GoToLocal
            GoToLocalS5N2 GoToLocalS6N2 GoToLocalS6N3 GoToLocalS6N4 GoToLocalS7N4 GoToLocalS7N5
            GoToLocalS8N2 GoToLocalS8N3 GoToLocalS8N4 GoToLocalS8N5 GoToLocalS8N6 GoToLocalS8N7
            GoToObjMazeS4R2 GoToObjMazeS4 GoToSeqS5R2 GoToRedBlueBall OpenRedDoor PickupLoc
            PickupDist PickupDistDebug PutNextLocal PutNextLocalS5N3 PutNextLocalS6N4 PutNextS4N1
            PutNextS5N2 PutNextS5N1 PutNextS6N3 PutNextS7N4 PutNextS5N2Carrying PutNextS6N3Carrying
            PutNextS7N4Carrying UnlockPickup UnlockPickupDist BlockedUnlockPickup KeyCorridorS3R1
            KeyCorridorS3R2 KeyCorridorS3R3 KeyCorridorS4R3 OneRoomS8 OneRoomS12 OneRoomS16
            OneRoomS20 MoveTwoAcrossS5N2 MoveTwoAcrossS8N9 MiniBossLevel
        """,
    },
    80: {
        "MiniGrid": """
            DoorKey-16x16 KeyCorridorS5R3 KeyCorridorS6R3 ObstructedMaze-2Dl ObstructedMaze-2Dlh
            ObstructedMaze-2Dlhb-v1 ObstructedMaze-1Q-v1 ObstructedMaze-2Q-v1 ObstructedMaze-Full-v1
            RedBlueDoors-8x8
        """,
        "BabyAI": """
            GoToObjMazeS5 GoToObjMazeS6 OpenTwoDoors OpenRedBlueDoors OpenRedBlueDoorsDebug
            OpenDoorsOrderN2 OpenDoorsOrderN4 OpenDoorsOrderN2Debug OpenDoorsOrderN4Debug
            PickupAbove UnlockToUnlock FindObjS5 FindObjS6 KeyCorridor KeyCorridorS5R3
            KeyCorridorS6R3 SynthS5R2
        """,
    },
    96: {
        "MiniGrid": "LockedRoom Playground",
        "BabyAI": "GoToObjMazeS7 GoToDoor ActionObjDoor FindObjS7",
    },
    112: {
        "BabyAI": """
            GoTo GoToOpen GoToObjMaze GoToObjMazeOpen GoToImpUnlock GoToSeq GoToObjDoor Open
            OpenDoor OpenDoorDebug OpenDoorColor OpenDoorLoc Pickup UnblockPickup Unlock UnlockLocal
            UnlockLocalDist KeyInBox Synth SynthLoc SynthSeq BossLevel BossLevelNoUnlock
        """
    },
    128: {"MiniGrid": "MultiRoom-N2-S4 MultiRoom-N4-S5-v1 MultiRoom-N6"},
}
GRID_WORLDS: dict[str, int] = {
    f"{library}-{name}" if name.endswith("-v1") else f"{library}-{name}-v0": size
    for size, libraries in _NAMES.items()
    for library, names in libraries.items()
    for name in names.split()
}
