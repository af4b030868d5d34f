package srbridge;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;

/** One method of a script that an exec can run: main, or an entry that the exec names. */
final class Entry {
    private static final String[] NO_ARGUMENTS = {};
    private static final int LONGEST_NAME = 200; // runner/wire/session.py, LONGEST_ENTRY

    private Method method;

    /** What travels with its execs; null until the runner has learned something. */
    Plan plan;

    Entry(Method method) {
        moveTo(method);
    }

    /** Runs the same method of another loading of the class. */
    void moveTo(Method again) {
        method = again;
        method.setAccessible(true); // its class may not be public
    }

    Method method() {
        return method;
    }

    /** Whether it is {@code static int main(String[])}, or void, or without a parameter. */
    static boolean isMain(Method method) {
        boolean isOne = Modifier.isStatic(method.getModifiers()) && method.getName().equals("main")
            && (method.getReturnType() == int.class || method.getReturnType() == void.class);
        return isOne && takes(method, String[].class);
    }

    /** Whether it is public and static, and takes nothing or one text. */
    static boolean isEntry(Method method) {
        int wanted = Modifier.PUBLIC | Modifier.STATIC;
        return (method.getModifiers() & wanted) == wanted && !method.isSynthetic() && takes(method, String.class)
            && method.getName().matches("[A-Za-z0-9_]{1," + LONGEST_NAME + "}");
    }

    /** Runs the method with its one argument, or null for none; returns 0 where it gives no int. */
    int run(String param) throws Throwable {
        try {
            Object result;
            if (method.getParameterCount() == 0) {
                result = method.invoke(null);
            } else if (method.getParameterTypes()[0] == String.class) {
                result = method.invoke(null, param);
            } else {
                result = method.invoke(null, (Object) (param == null ? NO_ARGUMENTS : new String[] {param}));
            }
            return result instanceof Integer ? (Integer) result : 0;
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    private static boolean takes(Method method, Class<?> one) {
        return method.getParameterCount() == 0
            || method.getParameterCount() == 1 && method.getParameterTypes()[0] == one;
    }
}
