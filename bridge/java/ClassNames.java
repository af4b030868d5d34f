package srbridge;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.Set;

/** The names in a class file: of its own class, and of those that it refers to (JVMS 4.1, 4.4). */
final class ClassNames {
    private static final int MAGIC = 0xCAFEBABE;

    private final String own;
    private final Set<String> others = new LinkedHashSet<>();

    private ClassNames(byte[] file) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(file));
        if (in.readInt() != MAGIC) {
            throw new IOException("expected a class file");
        }
        in.readInt(); // the version
        int count = in.readUnsignedShort();
        String[] texts = new String[count];
        int[] classes = new int[count]; // the index of the name of each
        for (int i = 1; i < count; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case 1: // Utf8
                    texts[i] = in.readUTF();
                    break;
                case 7: // Class
                    classes[i] = in.readUnsignedShort();
                    break;
                case 5: // Long
                case 6: // Double
                    in.readLong();
                    i++; // takes two places
                    break;
                case 8: // String
                case 16: // MethodType
                case 19: // Module
                case 20: // Package
                    in.readUnsignedShort();
                    break;
                case 15: // MethodHandle
                    in.readUnsignedByte();
                    in.readUnsignedShort();
                    break;
                case 3: // Integer
                case 4: // Float
                case 9: // Fieldref
                case 10: // Methodref
                case 11: // InterfaceMethodref
                case 12: // NameAndType
                case 17: // Dynamic
                case 18: // InvokeDynamic
                    in.readInt();
                    break;
                default:
                    throw new IOException("expected a constant, got the tag " + tag);
            }
        }
        in.readUnsignedShort(); // the access flags
        own = texts[classes[in.readUnsignedShort()]].replace('/', '.');
        for (int name : classes) {
            String type = name == 0 ? null : element(texts[name]);
            if (type != null && !type.equals(own)) {
                others.add(type);
            }
        }
    }

    /** Reads a class file; {@code path} is for the error. */
    static ClassNames of(byte[] file, String path) {
        try {
            return new ClassNames(file);
        } catch (IOException | IndexOutOfBoundsException | NullPointerException error) {
            throw new InvalidScript(path + ": not a class file that can be read: " + error, error);
        }
    }

    String own() {
        return own;
    }

    String packageName() {
        return own.substring(0, Math.max(own.lastIndexOf('.'), 0));
    }

    Set<String> others() {
        return others;
    }

    /** The class of an array's elements; null for numbers. */
    private static String element(String type) {
        int at = type.lastIndexOf('[') + 1;
        boolean isClass = at == 0 || type.charAt(at) == 'L';
        return !isClass ? null : (at == 0 ? type : type.substring(at + 1, type.length() - 1)).replace('/', '.');
    }
}
