use super::*;
use crate::tree::tests::leaves;
use crate::tree::{consistency, inclusion, peaks, root};

fn id(level: u8, index: u64, width: u16) -> TileId {
    TileId { level, index, width }
}

/// The tiles of a tree, by the definition of tlog-tiles.
fn tiles(size: u64) -> Vec<Tile> {
    let tree = leaves(size);
    tiles_of(size)
        .map(|id| {
            let hashes = (0..id.width).map(|position| tree.node(id.node(position)).unwrap());
            Tile::new(id, hashes.collect())
        })
        .collect()
}

#[test]
fn paths_are_those_of_tlog_tiles() {
    for (path, tile) in [
        ("tile/0/000", id(0, 0, 256)),
        ("tile/0/273.p/112", id(0, 273, 112)),
        ("tile/1/001.p/17", id(1, 1, 17)),
        ("tile/0/999", id(0, 999, 256)),
        ("tile/0/x001/000", id(0, 1000, 256)),
        ("tile/0/x001/x234/067", id(0, 1_234_067, 256)),
        ("tile/3/x001/234.p/5", id(3, 1234, 5)),
    ] {
        assert_eq!(tile.to_string(), path);
        assert_eq!(TileId::parse(path), Some(tile));
    }
}

#[test]
fn a_tile_has_one_path_only() {
    for bad in [
        "",
        "tile/0",
        "tile/0/",
        "tile/00/000",
        "tile/+0/000",
        "tile/8/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/234",
        "tile/0/x001/x234",
        "tile/0/xx01/234",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/05",
        "tile/0/000.p/+5",
        "tile/0/000.p/5/",
        "tile/0/../000",
        "/tile/0/000",
        "tile/entries/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(TileId::parse(bad), None, "{bad}");
    }
}

#[test]
fn a_tree_of_seventy_thousand_has_the_tiles_that_the_specification_tells() {
    let tiles: Vec<TileId> = tiles_of(70_000).collect();
    let of_level = |level| tiles.iter().filter(move |id| id.level == level).copied();
    assert_eq!(of_level(0).filter(|id| id.is_full()).count(), 273);
    assert_eq!(of_level(0).next_back(), Some(id(0, 273, 112)));
    assert_eq!(of_level(1).collect::<Vec<_>>(), [id(1, 0, 256), id(1, 1, 17)]);
    assert_eq!(of_level(2).collect::<Vec<_>>(), [id(2, 0, 1)]);
    assert_eq!(tiles_of(256).collect::<Vec<_>>(), [id(0, 0, 256), id(1, 0, 1)]);
    assert_eq!(tiles_of(0).count(), 0);
    assert_eq!(edge(70_000).collect::<Vec<_>>(), [id(0, 273, 112), id(1, 1, 17), id(2, 0, 1)]);
}

#[test]
fn growth_makes_what_was_not_there_and_nothing_else() {
    for old in [0_u64, 1, 255, 256, 257, 600, 65_535, 65_536, 65_537] {
        for grown in [0, 1, 2, 255, 256, 300, 66_000] {
            let before: BTreeSet<TileId> = tiles_of(old).collect();
            let after: BTreeSet<TileId> = tiles_of(old + grown).collect();
            let made: BTreeSet<TileId> = tiles_of_growth(old, old + grown).collect();
            assert_eq!(made, &after - &before, "{old} + {grown}");
        }
    }
    assert_eq!(tiles_of_growth(5, 3).count(), 0);
}

#[test]
fn every_node_is_read_out_of_the_tiles() {
    let (tree, set) = (leaves(700), tiles(700).into_iter().collect::<TileSet>());
    for size in 0..=700 {
        assert_eq!(root(size, &set), root(size, &tree), "{size}");
    }
    assert_eq!(set.node(Node { level: 9, index: 1 }), None);
    assert_eq!(set.node(Node { level: 0, index: 700 }), None);
}

#[test]
fn the_tiles_for_a_proof_are_enough_for_it() {
    let size = 700;
    let tree = leaves(size);
    let chosen = |nodes: &[Node]| -> TileSet {
        let wanted = tiles_for(nodes, size);
        tiles(size).into_iter().filter(|tile| wanted.contains(&tile.id())).collect()
    };
    for at in [0, 1, 255, 256, 511, 512, 699] {
        let set = chosen(&inclusion::nodes(at, size));
        assert_eq!(inclusion::prove(at, size, &set), inclusion::prove(at, size, &tree), "{at}");
        let set = chosen(&consistency::nodes(at, size));
        assert_eq!(consistency::prove(at, size, &set), consistency::prove(at, size, &tree), "{at}");
    }
    assert_eq!(tiles_for(&peaks(size), size), edge(size).collect());
}

#[test]
fn a_tile_is_exactly_as_long_as_its_width_tells() {
    for tile in tiles(300) {
        let bytes = tile.encode();
        assert_eq!(Tile::decode(tile.id(), &bytes), Ok(tile.clone()));
        for wrong in [bytes.len() - 1, bytes.len() - 32, 0] {
            let expected = Err(TileLength { id: tile.id(), found: wrong });
            assert_eq!(Tile::decode(tile.id(), &bytes[..wrong]), expected);
        }
        let longer = [bytes.as_slice(), &[0; 32]].concat();
        assert!(Tile::decode(tile.id(), &longer).is_err());
    }
}

#[test]
fn the_largest_tree_has_tiles_too() {
    let edge: Vec<TileId> = edge(SIZE_MAX).collect();
    assert_eq!(edge.len(), 8);
    assert_eq!(edge.last(), Some(&id(7, 0, 127)));
    assert!(edge.iter().all(|id| TileId::parse(&id.to_string()) == Some(*id)));
    assert_eq!(edge.iter().map(|id| id.first_entry()).max(), Some(SIZE_MAX - 255));
}
