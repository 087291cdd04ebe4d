// Checks a record of Pli with what Go checks its modules with: golang.org/x/mod/sumdb. It knows nothing of Pli but the
// forms of RFC 6962 and C2SP, and is given a folder:
//
//	key          the public key: NAME+ID+KEY
//	checkpoint   a signed checkpoint
//	earlier      an older one
//	proof        a tlog-proof of one entry
//	entry        that entry
//	consistency  the proof that the record has only grown since the older checkpoint: a hash a line
//	tile/        tiles and entry bundles
//
// If everything fits it ends with 0 and prints the checkpoint's text, signed by Go with the key in the file signer.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(folder string) error {
	verifier, err := note.NewVerifier(read(folder, "key"))
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	now, text, err := open(read(folder, "checkpoint"), verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	earlier, _, err := open(read(folder, "earlier"), verifier)
	if err != nil {
		return fmt.Errorf("earlier checkpoint: %w", err)
	}
	index, inclusion, err := proof(read(folder, "proof"), read(folder, "entry"), verifier)
	if err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	growth, err := hashes(read(folder, "consistency"))
	if err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	if err := tlog.CheckTree(growth, now.N, now.Hash, earlier.N, earlier.Hash); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	reader := tlog.TileHashReader(now, tiles{folder})
	if err := entries(folder, now, reader); err != nil {
		return err
	}
	// Go makes the same proofs from the tiles.
	mine, err := tlog.ProveRecord(now.N, index, reader)
	if err != nil || fmt.Sprint(mine) != fmt.Sprint(inclusion) {
		return fmt.Errorf("Go proves the entry otherwise: %v %w", mine, err)
	}
	same, err := tlog.ProveTree(now.N, earlier.N, reader)
	if err != nil || fmt.Sprint(same) != fmt.Sprint(growth) {
		return fmt.Errorf("Go proves the growth otherwise: %v %w", same, err)
	}
	signer, err := note.NewSigner(read(folder, "signer"))
	if err != nil {
		return fmt.Errorf("signer: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	fmt.Print(string(signed))
	return err
}

// open verifies a checkpoint and reads its three lines.
func open(text string, verifier note.Verifier) (tlog.Tree, string, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, "", err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, "", errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, opened.Text, err
}

// proof reads a tlog-proof and verifies it with the key alone.
func proof(text, entry string, verifier note.Verifier) (int64, tlog.RecordProof, error) {
	head, checkpoint, _ := strings.Cut(text, "\n\n")
	lines := strings.SplitN(head, "\n", 3)
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, nil, errors.New("not a proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return 0, nil, err
	}
	var path []tlog.Hash
	if len(lines) == 3 {
		if path, err = hashes(lines[2] + "\n"); err != nil {
			return 0, nil, err
		}
	}
	tree, _, err := open(checkpoint, verifier)
	if err != nil {
		return 0, nil, err
	}
	return index, path, tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash([]byte(entry)))
}

// entries compares every entry with its hash, which the reader takes from tiles that fit the checkpoint.
func entries(folder string, tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		if width > 256 {
			width = 256
		}
		path := strings.Replace(tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}.Path(), "tile/8/0/", "tile/entries/", 1)
		bundle := []byte(read(folder, path))
		for index := first; index < first+width; index++ {
			told, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil {
				return fmt.Errorf("tiles: %w", err)
			}
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("entry %d is cut off", index)
			}
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:length]) != told[0] {
				return fmt.Errorf("entry %d does not fit", index)
			}
			bundle = bundle[length:]
		}
		if len(bundle) != 0 {
			return fmt.Errorf("%s goes on", path)
		}
	}
	return nil
}

// tiles reads tiles from a folder. Those of C2SP have no height in their path.
type tiles struct{ folder string }

func (tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		bytes, err := os.ReadFile(filepath.Join(t.folder, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, bytes)
	}
	return all, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// hashes reads a hash a line.
func hashes(text string) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" {
			continue
		}
		bytes, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(bytes) != tlog.HashSize {
			return nil, fmt.Errorf("not a hash: %q", line)
		}
		all = append(all, tlog.Hash(*(*[tlog.HashSize]byte)(bytes)))
	}
	return all, nil
}

// read returns a file's text. One that is not there is empty, and will not do.
func read(folder, name string) string {
	bytes, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return string(bytes)
}
