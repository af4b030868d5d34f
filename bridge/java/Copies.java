package srbridge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The runner's copies of scripts and helpers, named by their SHA-256. Nothing else is ever loaded. The content is
 * compared with the name, because scripts that run as the runner's own user can write to the copies.
 */
final class Copies {
    private final Path directory;

    Copies(Path directory) {
        this.directory = directory;
    }

    /**
     * Reads a copy.
     *
     * @param hash its name
     * @param path what it is a copy of, for the error
     * @throws InvalidScript there is no such copy, or it was changed
     */
    byte[] read(String hash, String path) {
        byte[] bytes;
        try {
            bytes = Files.readAllBytes(place(hash, path));
        } catch (IOException error) {
            throw new InvalidScript(path + ": the runner's copy cannot be read: " + error, error);
        }
        if (!hashOf(bytes).equals(hash)) {
            throw new InvalidScript(path + ": the runner's copy was changed: expected the SHA-256 " + hash, null);
        }
        return bytes;
    }

    /**
     * Where a copy is; whether there is one is not checked.
     *
     * @throws InvalidScript this is no name of a copy
     */
    Path place(String hash, String path) {
        if (!hash.matches("[0-9a-f]{64}")) {
            throw new InvalidScript(path + ": expected the SHA-256 of a copy, not " + hash, null);
        }
        return directory.resolve(hash);
    }

    private static String hashOf(byte[] bytes) {
        try {
            StringBuilder hash = new StringBuilder();
            for (byte part : MessageDigest.getInstance("SHA-256").digest(bytes)) {
                hash.append(Character.forDigit(part >> 4 & 15, 16)).append(Character.forDigit(part & 15, 16));
            }
            return hash.toString();
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error); // every Java has it
        }
    }
}
