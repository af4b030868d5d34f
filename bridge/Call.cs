using SR;

namespace SRBridge
{
    /// <summary>One call that waits for an answer.</summary>
    internal struct Call
    {
        private static readonly object[] None = new object[0];

        /// <summary>The name on the wire, for example <c>PV.GetS</c>.</summary>
        internal readonly string Name;

        internal readonly CallShape Shape;

        /// <summary>The first argument.</summary>
        internal readonly string Argument;

        /// <summary>The second argument of <see cref="CallShape.SetText"/>; null for any other shape.</summary>
        internal readonly string Text;

        /// <summary>The second argument of <see cref="CallShape.SetNumber"/>; 0 for any other shape.</summary>
        internal readonly int Number;

        internal Call(string name, CallShape shape, string argument, string text = null, int number = 0)
        {
            Name = name;
            Shape = shape;
            Argument = argument;
            Text = text;
            Number = number;
        }

        /// <summary>What is edited: the name of a variable; empty for headers.</summary>
        internal string Target
        {
            get { return Shape == CallShape.EditHeaders ? "" : Argument; }
        }

        /// <summary>What travels after the first argument.</summary>
        internal object[] MoreArguments
        {
            get
            {
                return Shape == CallShape.SetText ? new object[] { Text } : Shape == CallShape.SetNumber ? new object[] { Number } : None;
            }
        }

        /// <summary>The text that an edit writes; null for a number.</summary>
        internal string Written
        {
            get { return Shape == CallShape.EditHeaders ? Argument : Text; }
        }
    }
}
